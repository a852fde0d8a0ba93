// Choosing the model and the agent of new conversations, from those of the server.

import * as vscode from "vscode";

import { method, type ModelsResult, type NamedList } from "./protocol.ts";
import { pickRoot } from "./roots.ts";
import type { Server } from "./server.ts";

type Choice = vscode.QuickPickItem & { value: string | undefined };

/** The model: a setting of the workspace, so that each project can have its own. */
export async function chooseModel(server: Server): Promise<void> {
  const root = await pickRoot();
  if (!root) return;
  const { models, default: usual } = await server.request<ModelsResult>(method.models, { root });
  const choices = models.map(({ id, name, provider }) => ({ label: name, description: provider, detail: id, value: id }));
  await choose("model", "Model of new conversations", usual ?? "", choices);
}

export async function chooseAgent(server: Server): Promise<void> {
  const root = await pickRoot();
  if (!root) return;
  const { items } = await server.request<NamedList>(method.agents, { root });
  const choices = items.map(({ name, description }) => ({ label: name, detail: description ?? undefined, value: name }));
  await choose("agent", "Agent of new conversations", "", choices);
}

async function choose(setting: string, placeHolder: string, usual: string, choices: Choice[]): Promise<void> {
  const none: Choice = { label: "As the server has it", description: usual, value: undefined };
  const chosen = await vscode.window.showQuickPick([none, ...choices], { placeHolder, matchOnDetail: true });
  if (chosen) await vscode.workspace.getConfiguration("nexus").update(setting, chosen.value, vscode.ConfigurationTarget.Workspace);
}
