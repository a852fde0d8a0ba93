// Asking the person without a dialog that blocks: notifications with buttons for permissions, quick picks for questions.

import * as vscode from "vscode";

import { permissionLine, type Ask } from "./chat/view.ts";
import type { Chats } from "./chats.ts";
import type { QuestionItem } from "./protocol.ts";

export const REPLIES = [["Allow Once", "once"], ["Allow Always", "always"], ["Reject", "reject"]] as const;

/** Asks by a notification. Nothing is answered when it is closed: the question stays open in the chat. */
export async function notify(chats: Chats, sessionId: string, ask: Ask): Promise<void> {
  if (ask.kind === "question") {
    const answer = "Answer…";
    const line = ask.items[0]?.question ?? "The agent has a question.";
    const chosen = await vscode.window.showInformationMessage(`Nexus: ${line}`, answer, "Open Chat");
    if (chosen === answer) await answerQuestion(chats, sessionId, ask.id, ask.items);
    else if (chosen) await vscode.commands.executeCommand("nexus.chat.open", sessionId);
    return;
  }
  const labels = REPLIES.filter(([, reply]) => reply !== "always" || ask.always.length > 0).map(([label]) => label);
  const chosen = await vscode.window.showWarningMessage(`Nexus: ${permissionLine(ask)}`, ...labels);
  const reply = REPLIES.find(([label]) => label === chosen)?.[1];
  if (reply) await chats.replyPermission(sessionId, ask.id, reply);
}

/** Asks item by item. Escape leaves the question open. */
export async function answerQuestion(chats: Chats, sessionId: string, id: string, items: QuestionItem[]): Promise<void> {
  const answers: string[][] = [];
  for (const item of items) {
    const answer = await pickAnswer(item);
    if (!answer) return;
    answers.push(answer);
  }
  await chats.replyQuestion(sessionId, id, answers);
}

async function pickAnswer(item: QuestionItem): Promise<string[] | undefined> {
  const own = { label: "$(edit) Something else…", description: "", own: true };
  const options = item.options.map((option) => ({ label: option.label, description: option.description, own: false }));
  const picks = item.custom && !item.multiple ? [...options, own] : options;
  const show = { title: item.header, placeHolder: item.question, ignoreFocusOut: true };
  if (item.multiple) {
    const chosen = await vscode.window.showQuickPick(picks, { ...show, canPickMany: true });
    return chosen?.map((pick) => pick.label);
  }
  const chosen = await vscode.window.showQuickPick(picks, show);
  if (!chosen) return undefined;
  if (!chosen.own) return [chosen.label];
  const text = await vscode.window.showInputBox({ title: item.header, prompt: item.question, ignoreFocusOut: true });
  return text ? [text] : undefined;
}
