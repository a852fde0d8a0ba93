// The methods of `nexus lsp` that the Language Server Protocol does not have. The page for people is `../PROTOCOL.md`.
// Types only, and names: also the chat's page and the tests read this file.

export const method = {
  send: "nexus/chat/send",
  cancel: "nexus/chat/cancel",
  subscribe: "nexus/chat/subscribe",
  unsubscribe: "nexus/chat/unsubscribe",
  replay: "nexus/chat/replay",
  sessionList: "nexus/session/list",
  sessionCreate: "nexus/session/create",
  sessionFork: "nexus/session/fork",
  sessionRevert: "nexus/session/revert",
  sessionRename: "nexus/session/rename",
  sessionDelete: "nexus/session/delete",
  sessionSearch: "nexus/session/search",
  models: "nexus/models",
  agents: "nexus/agents",
  commands: "nexus/commands",
  permissionReply: "nexus/permission/reply",
  questionReply: "nexus/question/reply",
  reviewList: "nexus/review/list",
  reviewDecide: "nexus/review/decide",
  contextSuggest: "nexus/context/suggest",
  status: "nexus/status",
  show: "nexus/chat/show",
  editorSelection: "nexus/editor/selection",
  editorDiagnostics: "nexus/editor/diagnostics",
  editorSymbols: "nexus/editor/symbols",
} as const;

export interface Position { line: number; character: number }
export interface Range { start: Position; end: Position }

export type InputPart =
  | { type: "text"; text: string; plain?: boolean }
  | { type: "file"; uri: string; range?: Range | null }
  | { type: "image"; mime: string; name?: string | null; data: string }
  | { type: "agent"; name: string };

export interface SendParams {
  sessionId?: string | null;
  root?: string | null;
  parts: InputPart[];
  model?: string | null;
  agent?: string | null;
  delivery?: "steer" | "queue" | null;
  partialResultToken?: string | number | null;
}
export interface LeftOut { title: string; reason: string }
export interface SendResult {
  sessionId: string; messageId: string; turnId: string; leftOut: LeftOut[];
  /** A plugin's command has answered with this, and nothing was sent: there is no turn. */
  shown?: string | null;
}
export interface SubscribeResult { subscriptionId: string; epoch: string; seq: number }

export interface ErrorInfo { code: string; message: string; hint?: string | null; retryable: boolean }
export interface TurnError { name: string; message: string }
export interface Usage {
  cost: number;
  tokens: { input: number; output: number; reasoning: number; cache_read: number; cache_write: number };
}
export interface Todo { content: string; status: string; priority: string }
export interface FileDiff { path: string; additions: number; deletions: number; status?: string | null }
export interface QuestionItem {
  header: string;
  question: string;
  options: { label: string; description: string }[];
  multiple: boolean;
  custom: boolean;
}
export interface SessionInfo {
  id: string;
  title: string;
  directory: string;
  parentId?: string | null;
  created: number;
  updated: number;
  model?: string | null;
  agent?: string | null;
  revertedFrom?: string | null;
}
export type Channel = "text" | "reasoning";
export type EndReason = "completed" | "aborted" | "failed" | "lost";

interface Place { messageId: string; partId: string }
export type ProgressKind =
  | { kind: "reset"; epoch: string }
  | {
      kind: "message"; messageId: string; role: string; created?: number | null; model?: string | null;
      agent?: string | null; error?: TurnError | null;
    }
  | { kind: "queued"; messageId: string }
  | { kind: "removed"; messageId: string; partId?: string | null }
  | ({ kind: "delta"; channel: Channel; text: string } & Place)
  | ({ kind: "replaced"; channel: Channel; text: string } & Place)
  | ({ kind: "part"; body: { type: string } & Record<string, unknown> } & Place)
  | ({
      kind: "tool"; callId: string; tool: string; status: string; title?: string | null; input?: unknown;
      output?: string | null; error?: string | null;
    } & Place)
  | ({ kind: "toolOutput"; text: string } & Place)
  | {
      kind: "permission"; permissionId: string; action: string; patterns: string[]; always: string[];
      detail?: string | null; callId?: string | null;
    }
  | { kind: "permissionClosed"; permissionId: string; reply?: string | null }
  | { kind: "question"; questionId: string; items: QuestionItem[] }
  | { kind: "questionClosed"; questionId: string; answers?: string[][] | null }
  | ({ kind: "usage" } & Usage)
  | { kind: "todo"; todos: Todo[] }
  | { kind: "diff"; files: FileDiff[] }
  | { kind: "status"; status: { type: string; message?: string; attempt?: number } }
  | ({ kind: "session" } & SessionInfo)
  | { kind: "connection"; state: string; reason?: string | null }
  | ({ kind: "error" } & TurnError)
  | { kind: "end"; reason: EndReason; finish?: string | null; error?: ErrorInfo | null; usage: Usage };

/** What happened, on a token of `$/progress`. Kinds that this version does not know must be let be. */
export type ChatProgress = { sessionId: string; turnId?: string | null; seq: number; child?: string | null } & ProgressKind;

export interface ModelInfo { id: string; name: string; provider: string }
export interface ModelsResult { models: ModelInfo[]; default?: string | null }
export interface NamedList { items: { name: string; description?: string | null }[] }
export interface SearchHit {
  sessionId: string; messageId?: string | null; title: string; directory: string; snippet: string; time: number;
}
export interface Suggestion { label: string; detail?: string | null; mention: string }

export type HunkState = "pending" | "accepted" | "rejected" | "changed";
export interface ReviewHunk { id: string; range: Range; lines: string[]; state: HunkState }
export interface ReviewFile { uri: string; path: string; status: string; hunks: ReviewHunk[] }
export interface ReviewDecision { uri: string; hunkId: string; accept: boolean }

export interface RootStatus {
  root: string;
  state: "idle" | "starting" | "ready" | "reconnecting" | "failed";
  server?: { address: string; version: string; ours: boolean } | null;
  error?: ErrorInfo | null;
  history: string;
  turns: number;
}
export interface ShowParams { sessionId: string; root: string; turnId?: string | null }

/** A session and the root that it belongs to. */
export interface Chat { sessionId: string; root: string }
