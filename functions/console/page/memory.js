// The memory panel: what Instar remembers and from whom, and what was changed.
import { $, el, icon } from './dom.js';
import { stamp, when } from './format.js';
import { Panel, button, hint, more, problem } from './panel.js';
import { reveal } from './reveal.js';

export class MemoryPanel extends Panel {
  #api;
  #past = false;

  constructor(api) {
    super('memory');
    this.#api = api;
    this.whenTyped($('#memory-find'));
    for (const tab of ['now', 'past']) {
      $(`#memory-${tab}`).addEventListener('click', () => this.#choose(tab === 'past'));
    }
  }

  #choose(past) {
    this.#past = past;
    $('#memory-find').hidden = past;
    $('#memory-now').setAttribute('aria-pressed', !past);
    $('#memory-past').setAttribute('aria-pressed', past);
    this.body.replaceChildren();
    this.refresh();
  }

  refresh() {
    return this.show(() => (this.#past ? this.#changes() : this.#entries()));
  }

  async #entries() {
    const { items, left_out: left, logs_left_out: logs, incomplete } = await this.#api.memory($('#memory-words').value, $('#memory-others').checked);
    return [
      incomplete && problem('Some files could not be read, so this may not be all.'),
      list(items.map((item) => this.#entry(item)), 'Nothing is here.'),
      left > 0 && hint(`${left} more are not shown. Look for words in them.`),
      logs > 0 && hint(`${logs} more daily logs were not looked at.`),
    ];
  }

  #entry(item) {
    const { ref, text } = item;
    const about = text.slice(0, 40);
    const card = el('li', { class: item.trusted ? null : 'others' });
    const review = (action, words) => () => this.#api.review(action, ref, words?.());
    const ask = (question, yes, notice, run, content = [from(item), words(text)]) => this.ask(card, { question, yes, notice, run, back, content });
    const back = () => card.replaceChildren(
      from(item),
      words(text, true),
      hint([item.file, stampOf(item.time), item.trusted && (item.origin.replaceAll(',', ', ') || 'by hand'), item.label.includes('secret') && 'secret'].filter(Boolean).join(' · ')),
      el('div', { class: 'row' },
        item.trusted ? null : button('Promote', () => ask('Make this your own word? Read all of it: from now on Instar takes it as said by you.', 'Promote', 'Promoted: it is your own word now.', review('promote')), about),
        button('Edit', () => {
          const box = el('textarea', { rows: 4, 'aria-label': 'Text', dir: 'auto' });
          box.value = text;
          ask(item.trusted ? 'Change this entry' : 'Change this entry. What you save counts as your own word.', 'Save', 'Saved.', review('edit', () => box.value), [box]);
        }, about),
        button('Delete', () => ask('Delete this entry? The history keeps it.', 'Delete', 'Deleted. The history has it.', review('delete')), about)),
    );
    back();
    return card;
  }

  async #changes(after = '') {
    const { changes, next } = await this.#api.changes(after);
    return [
      list(changes.map((change) => this.#change(change)), 'Nothing was changed yet.'),
      next && more('Older', () => this.#changes(next)),
    ];
  }

  #change(change) {
    const { id, what, whole, before, after } = change;
    const card = el('li');
    const question = whole ? 'Put the whole file back? What was added since goes into the history.' : 'Bring this text back, as trusted as it was?';
    const back = () => card.replaceChildren(
      hint([what[0].toUpperCase() + what.slice(1), change.file, stampOf(change.at), change.by && `by ${change.by}`].filter(Boolean).join(' · ')),
      whole || what === 'unreadable' ? '' : from(change, 'Was from'),
      words(before + (change.cut ? '\n…' : ''), true),
      after && after !== before ? el('div', { class: 'after' }, hint('became'), words(after, true)) : '',
      what === 'unreadable' ? hint('This record cannot be read.') : el('div', { class: 'row' }, button('Restore', () =>
        this.ask(card, { question, yes: 'Restore', notice: 'Restored.', run: () => this.#api.restore(id), back, content: [words(before)] }), before.slice(0, 40))),
    );
    back();
    return card;
  }
}

const list = (cards, none) => (cards.length ? el('ul', { class: 'cards' }, ...cards) : hint(none));

const stampOf = (time) => when(time) && stamp(when(time));

// words shows a text as it is; short lets a long one scroll in itself.
function words(text, short) {
  return el('p', { class: short ? 'words short' : 'words', dir: 'auto', tabindex: short && text.length > 400 ? '0' : null }, ...reveal(text));
}

// from marks what the owner does not vouch for.
function from({ trusted, origin }, word = 'From') {
  if (trusted) return '';
  return el('p', { class: 'from' }, icon('alert'), el('span', { text: `${word} ${origin.replaceAll(',', ', ') || 'unknown'} - not loaded by itself` }));
}
