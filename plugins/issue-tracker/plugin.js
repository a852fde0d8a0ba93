// `@issue:123` and a search for issues: GitHub's REST interface, and every server that speaks it.
import { getJson, secret } from 'nexus:plugin/config@0.1.0';
import { fetch } from 'nexus:plugin/http@0.1.0';
import { write } from 'nexus:plugin/log@0.1.0';

const GITHUB = 'https://api.github.com';

export const lifecycle = {
  start(_state) {},
  stop(_reason) {
    return undefined;
  },
};

export const contextGuest = {
  describe() {
    const summary = 'An issue and its comments';
    return [{ name: 'issue', summary, argument: 'number or words', needsArgument: true }];
  },

  suggest(_provider, typed, limit) {
    const settings = read();
    const words = typed.trim();
    const found = words
      ? ask(settings, '/search/issues', { q: `${words} repo:${settings.repository}`, per_page: limit }).items
      : ask(settings, `/repos/${settings.repository}/issues`, { state: 'open', per_page: limit });
    return list(found)
      .slice(0, limit)
      .map((issue) => ({
        argument: String(issue.number),
        label: `#${issue.number} ${line(issue.title)}`,
        detail: line(issue.state),
      }));
  },

  provide(request) {
    const number = /^#?(\d{1,9})$/.exec((request.argument ?? '').trim())?.[1];
    if (!number) {
      failure('invalid', 'an issue has a number', 'write `@issue:123`, or choose one while you type');
    }
    const settings = read();
    const path = `/repos/${settings.repository}/issues/${number}`;
    const issue = ask(settings, path, {});
    const items = [{ title: `issue #${number}: ${line(issue.title)}`, content: text(about(issue)), priority: 700 }];
    if (issue.comments > 0 && settings.comments > 0) {
      const comments = list(ask(settings, `${path}/comments`, { per_page: settings.comments }));
      const all = comments.map((comment) => said(comment)).join('\n\n');
      items.push({ title: `comments of issue #${number}`, content: text(all), priority: 500 });
    }
    return items;
  },
};

/** The settings; the host has checked them against the schema. */
function read() {
  return { server: GITHUB, comments: 20, ...JSON.parse(getJson()) };
}

/** Asks the server for JSON. */
function ask(settings, path, parameters) {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const url = settings.server.replace(/\/$/, '') + path + (query.length ? `?${query.join('&')}` : '');
  const headers = [
    { key: 'accept', value: 'application/vnd.github+json' },
    { key: 'user-agent', value: 'opencode-nexus-issue-tracker' },
  ];
  const token = secret('ISSUE_TOKEN');
  if (token) headers.push({ key: 'authorization', value: `Bearer ${token}` });
  const answer = fetch({ method: 'get', url, headers, body: new Uint8Array(), timeoutMs: undefined });
  if (answer.status !== 200) {
    write('warn', `the server answered ${answer.status}`);
    refused(answer.status, settings);
  }
  try {
    return JSON.parse(decode(answer.body));
  } catch {
    failure('invalid', 'the server answered with something that is no JSON', 'look at `server` in the settings');
  }
}

/** Says what a status means. */
function refused(status, settings) {
  if (status === 404 || status === 410) {
    failure('not-found', `there is no such issue in ${settings.repository}`);
  }
  if (status === 401 || status === 403) {
    failure('denied', `the server answered ${status}`, 'give the secret ISSUE_TOKEN, or wait when it was asked too often');
  }
  if (status === 429) failure('quota', 'the server was asked too often', 'wait a minute');
  failure(status >= 500 ? 'unavailable' : 'invalid', `the server answered ${status}`);
}

/** Ends the call with an error of the interface: what is thrown as an object is that error. */
function failure(code, message, hint) {
  throw { code, message, hint };
}

function text(text) {
  return { tag: 'text', val: { text, language: 'markdown' } };
}

function about(issue) {
  const labels = list(issue.labels).map((label) => line(typeof label === 'string' ? label : label.name));
  const facts = [`state: ${line(issue.state)}`, `by: ${line(issue.user?.login)}`, `opened: ${line(issue.created_at)}`];
  if (labels.length) facts.push(`labels: ${labels.join(', ')}`);
  return `# ${line(issue.title)}\n\n${facts.join('\n')}\n\n${issue.body ?? ''}`.trimEnd();
}

function said(comment) {
  return `**${line(comment.user?.login)}**, ${line(comment.created_at)}:\n${comment.body ?? ''}`;
}

/** One line of whatever it is. */
function line(value) {
  return String(value ?? '').replace(/\s+/g, ' ').trim();
}

function list(value) {
  return Array.isArray(value) ? value : [];
}

/** UTF-8; QuickJS has no TextDecoder. Pieces, because a call takes only so many arguments. */
function decode(bytes) {
  if (typeof TextDecoder !== 'undefined') return new TextDecoder().decode(bytes);
  let encoded = '';
  for (let at = 0; at < bytes.length; at += 4096) {
    const piece = Array.from(bytes.slice(at, at + 4096), (byte) => `%${byte.toString(16).padStart(2, '0')}`);
    encoded += piece.join('');
  }
  return decodeURIComponent(encoded);
}
