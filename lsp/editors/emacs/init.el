;;; OpenCode in Emacs: a chat in a Markdown file, by eglot alone.  -*- lexical-binding: t -*-
;; Emacs 29 has eglot; for 28 it is the package `eglot' (Debian: elpa-eglot). `cargo xtask editors' plays this very file.

(package-initialize)
(require 'eglot)

;; With markdown-mode installed, write `markdown-mode' for `text-mode' in both places.
(add-to-list 'auto-mode-alist '("\\.nexus\\.md\\'" . text-mode))
(add-to-list 'eglot-server-programs '((text-mode :language-id "markdown") . ("nexus" "lsp")))

;; The answer is written into the file by the language server; without this Emacs would ask for each piece of it.
(setq eglot-confirm-server-initiated-edits nil)

(defun nexus-chat-command (command)
  "Run COMMAND of the language server on the chat in this buffer."
  ;; What was typed a moment ago is on its way only after half a second.
  (eglot--signal-textDocument/didChange)
  (eglot-execute-command (eglot-current-server) command (vector (eglot--path-to-uri buffer-file-name))))

(defun nexus-send ()
  "Send what stands below the last heading."
  (interactive)
  (nexus-chat-command 'nexus.server.send))

(defun nexus-stop ()
  "Stop the answer."
  (interactive)
  (nexus-chat-command 'nexus.server.stop))

(global-set-key (kbd "C-c n") #'nexus-send)
(global-set-key (kbd "C-c k") #'nexus-stop)
(add-hook 'text-mode-hook
          (lambda () (when (string-suffix-p ".nexus.md" (or buffer-file-name "")) (eglot-ensure))))
