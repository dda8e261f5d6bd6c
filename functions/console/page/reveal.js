// Text as it is, with what cannot be seen made visible: a stranger's text can
// hold letters that a person does not see and a model reads.
import { el } from './dom.js';

// Characters that show nothing: controls, also of format and direction, tags,
// private use, unassigned, variation selectors, fillers that are blank.
const unseen = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0\uFE00-\uFE0F\u{E0100}-\u{E01EF}]/u;

// Where they belong to what is seen: an emoji's variant, and joiners between
// letters or parts of an emoji.
const fitting = /(?<=\p{Emoji})\uFE0F|(?<=[\p{L}\p{M}\p{Emoji}\uFE0F])[\u200C\u200D](?=[\p{L}\p{Emoji}])/gu;

// reveal returns nodes for el: the text, with marks for what is hidden in it.
export function reveal(text) {
  const allowed = new Set([...text.matchAll(fitting)].map((m) => m.index));
  const nodes = [];
  let plain = '';
  let at = 0;
  for (const letter of text) {
    if (unseen.test(letter) && !allowed.has(at)) {
      nodes.push(plain, el('mark', { title: 'A character that cannot be seen', text: `U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}` }));
      plain = '';
    } else plain += letter;
    at += letter.length;
  }
  return [...nodes, plain];
}
