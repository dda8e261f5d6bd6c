// The grants panel: what the owner always allows, each of which can be taken back.
import { el } from './dom.js';
import { stamp, when } from './format.js';
import { Panel, button, hint } from './panel.js';
import { reveal } from './reveal.js';

export class GrantsPanel extends Panel {
  #api;

  constructor(api) {
    super('grants');
    this.#api = api;
  }

  refresh() {
    return this.show(async () => {
      const { grants } = await this.#api.grants();
      if (!grants.length) return [hint('There are none: Instar asks each time. A question that can be answered with “Always” makes one.')];
      return [hint('For these, Instar does not ask.'), el('ul', { class: 'cards' }, ...grants.map((grant) => this.#card(grant)))];
    });
  }

  #card(grant) {
    const { id, tool, destination, by } = grant;
    const since = when(grant.at);
    const card = el('li');
    const what = () => el('p', { class: 'words', dir: 'auto' }, el('code', { text: tool }), ' always to ', el('b', {}, ...reveal(destination)));
    const back = () => card.replaceChildren(
      what(),
      hint([since && `Since ${stamp(since)}`, by && `by ${by}`].filter(Boolean).join(' ')),
      el('div', { class: 'row' }, button('Revoke', () => this.ask(card, {
        question: 'Take this back? Instar asks again from now on.', yes: 'Revoke', notice: 'Revoked. Instar asks again from now on.',
        run: () => this.#api.revoke(id), back, content: [what()],
      }), `${tool} to ${destination}`)),
    );
    back();
    return card;
  }
}
