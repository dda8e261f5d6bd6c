// The status panel: model, spending, channels, people who ask to be let in.
import { advice } from './api.js';
import { $, announce, el, icon } from './dom.js';
import { ago, shortModel, usd, when } from './format.js';

export class StatusPanel {
  #api;
  #dialog = $('#status');
  #body = $('#status-body');
  #last = null;
  #notice = null; // {text, bad} about the last approval

  constructor(api) {
    this.#api = api;
    $('#open-status').addEventListener('click', () => this.open());
    $('#close-status').addEventListener('click', () => this.#dialog.close());
    // A click on the backdrop is a click on the dialog itself.
    this.#dialog.addEventListener('click', (event) => event.target === this.#dialog && this.#dialog.close());
  }

  open() {
    this.#notice = null;
    this.#dialog.showModal();
    this.refresh().catch((err) => this.#body.replaceChildren(el('p', { class: 'error-text', role: 'alert', text: advice(err) })));
  }

  close() {
    this.#dialog.close();
  }

  get isOpen() {
    return this.#dialog.open;
  }

  // refresh asks the server and shows what it says; it throws what the API throws.
  async refresh() {
    const status = await this.#api.status();
    this.#last = status;
    const pending = status.pairing?.length ?? 0;
    $('#model').textContent = status.offline ? 'Offline model' : shortModel(status.model) || 'Status';
    $('#open-status').title = status.model ?? '';
    $('#open-status').classList.toggle('offline', Boolean(status.offline));
    $('#pending').hidden = pending === 0;
    $('#pending').textContent = pending === 0 ? '' : `${pending}`;
    $('#open-status').setAttribute('aria-label', `Status: ${$('#model').textContent}${pending ? `, ${pending} waiting for approval` : ''}`);
    $('#offline').hidden = !status.offline;
    if (this.isOpen) this.#render(status);
    return status;
  }

  #render(status) {
    this.#body.replaceChildren(
      ...this.#people(status),
      section('Model', el('p', { class: 'fact', text: status.model || 'none' }), status.offline && el('p', {
        class: 'hint',
        text: 'The built-in offline model is in use. Set ANTHROPIC_API_KEY or OPENAI_API_KEY for real answers.',
      })),
      section('Spent today', ...spending(status.budget ?? {})),
      section('Channels', channels(status.channels ?? [])),
      el('p', { class: 'hint version', text: [status.version && `Instar ${status.version}`, status.timezone].filter(Boolean).join(' · ') }),
    );
  }

  #people({ pairing }) {
    const rows = (pairing ?? []).map((request) => this.#request(request));
    const notice = this.#notice && el('p', { class: this.#notice.bad ? 'error-text' : 'hint', role: 'status', text: this.#notice.text });
    if (!rows.length && !notice) return [];
    return [section('Asking to talk to Instar', notice, rows.length ? el('ul', { class: 'people' }, ...rows) : null)];
  }

  #request({ code, person, name, expires }) {
    const until = when(expires);
    const button = el('button', { type: 'button', class: 'button primary', text: 'Approve', 'aria-label': `Approve ${name || person}, code ${code}` });
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        await this.#api.approve(code);
        this.#notice = { text: `${name || person} can talk to Instar now.` };
      } catch (err) {
        const gone = err.status === 404;
        this.#notice = { bad: true, text: gone ? `Code ${code} has expired or was used. Ask ${name || person} to write to Instar again.` : advice(err) };
      }
      announce(this.#notice.text);
      await this.refresh().catch(() => this.#last && this.#render(this.#last));
      (this.#body.querySelector('.people button') ?? $('#close-status')).focus();
    });
    const details = [person, until && (until > Date.now() ? `expires in ${ago(until)}` : 'expired')].filter(Boolean);
    return el(
      'li',
      {},
      el('div', {}, el('strong', { dir: 'auto', text: name || person }), el('code', { text: code }), el('p', { class: 'hint', text: details.join(' · ') })),
      button,
    );
  }
}

function section(title, ...children) {
  return el('section', {}, el('h3', { text: title }), ...children.filter(Boolean));
}

function spending({ spent_usd: spent = 0, limit_usd: limit = null }) {
  if (limit == null) {
    return [el('p', { class: 'fact', text: usd(spent) }), el('p', { class: 'hint', text: 'No daily limit is set (BUDGET_DAILY_USD).' })];
  }
  const share = limit > 0 ? Math.min(1, spent / limit) : 1;
  const bar = el('i');
  bar.style.width = `${share * 100}%`;
  const meter = el('div', {
    class: share >= 1 ? 'meter over' : share >= 0.8 ? 'meter near' : 'meter',
    role: 'meter',
    'aria-label': 'Spent of today’s budget',
    'aria-valuemin': '0',
    'aria-valuemax': String(limit),
    'aria-valuenow': String(spent),
    'aria-valuetext': `${usd(spent)} of ${usd(limit)}`,
  }, bar);
  const rest = spent >= limit ? 'The limit is reached: Instar answers again tomorrow, or after BUDGET_DAILY_USD is raised.' : '';
  return [
    el('p', { class: 'fact' }, usd(spent), el('span', { class: 'of', text: ` of ${usd(limit)}` })),
    meter,
    rest && el('p', { class: 'hint', text: rest }),
  ];
}

function channels(list) {
  if (!list.length) return el('p', { class: 'hint', text: 'None yet.' });
  return el(
    'ul',
    { class: 'channels' },
    ...list.map(({ name, configured }) =>
      el('li', { class: configured ? 'on' : 'off' }, icon(configured ? 'check' : 'dash'), el('span', { text: name }), el('span', { class: 'hint', text: configured ? 'connected' : 'not set up' })),
    ),
  );
}
