// `@words:TERM`: what the documents of the project say of a term.
import { search } from 'nexus:plugin/workspace@0.1.0';

/** So many lines are given. */
const LINES = 50;

export const lifecycle = {
  start(_state) {},
  stop(_reason) {
    return undefined;
  },
};

export const contextGuest = {
  describe() {
    const summary = 'What the documents say of a term';
    return [{ name: 'words', summary, argument: 'term', needsArgument: true }];
  },

  /** Headings that hold what was typed. */
  suggest(_provider, typed, limit) {
    const hits = search(`(?i)^#+ .*${escaped(typed)}`, '*.md', limit);
    return hits.map((hit) => {
      const argument = hit.text.replace(/^#+/, '').trim();
      return { argument, label: argument, detail: hit.path };
    });
  },

  provide(request) {
    const term = request.argument ?? '';
    const hits = search(`(?i)${escaped(term)}`, '*.md', LINES);
    if (hits.length === 0) {
      // What is thrown as an object is an error of the interface.
      throw { code: 'not-found', message: `no document says anything of ${term}`, hint: undefined };
    }
    const text = hits.map((hit) => `${hit.path}:${hit.line + 1}: ${hit.text.trim()}`).join('\n');
    const content = { tag: 'text', val: { text, language: '' } };
    return [{ title: `${term} in the documents`, content, priority: 500 }];
  },
};

/** The text as a regular expression that means just that text. */
function escaped(text) {
  return text.replace(/[\\.+*?()|[\]{}^$#&~-]/g, '\\$&');
}
