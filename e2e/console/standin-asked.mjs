// The stand-in's questions and grants: enough of functions/console/answer.go and
// grants.go for the page to work with.
import { createHash, randomInt } from 'node:crypto';

const nonce = () => String(randomInt(1e6)).padStart(6, '0');
const says = { approved: '✓ You said yes at 15:04.', denied: '✗ You said no at 15:04.', asked: '⌛ Nobody answered in time, so it is not done.' };

export class Questions {
  all = new Map(); // by id: {id, nonce, text, tool, grant, twice, state, always, lapsed}
  grants = [];
  answers = []; // {data, session}, as they came
  refuse = null; // [status, body] for the next answer
  hold = null; // a promise that the next answer waits for
  said = 'I do it now.'; // the reply to a yes

  // ask makes a question and returns its id.
  ask(text, { tool = 'send_mail', grant = '', twice = false } = {}) {
    const id = createHash('sha256').update(String(this.all.size)).digest('hex').slice(0, 20);
    this.all.set(id, { id, nonce: nonce(), text, tool, grant, twice, state: 'asked', always: false, lapsed: false });
    return id;
  }

  get = (id) => this.all.get(id);

  // card is a question as it is now.
  card = (id) => {
    const q = this.all.get(id);
    const open = ['asked', 'asked-again'].includes(q.state) && !q.lapsed;
    if (!open) {
      const outcome = q.always ? `✓ You said yes at 15:04, and always for ${q.grant} (/grants).` : says[q.state] ?? says.asked;
      return { id, text: `\`${q.tool}\`\n\n${outcome}`, state: q.state };
    }
    const code = id + q.nonce;
    const again = q.state === 'asked-again';
    const buttons = [[{ label: again ? 'Yes, I am sure' : 'Yes, do it', data: `/yes ${code}` }, { label: 'No', data: `/no ${code}` }]];
    if (q.grant) buttons.push([{ label: `Always for ${q.grant}`, data: `/always ${code}` }]);
    const sure = again ? '\n\n**Something secret would leave you with this. Are you sure?**' : '';
    return { id, text: `**May I do this?** \`${q.tool}\`\n\n${q.text}${sure}\n\n(Until 15:34.)`, buttons, state: q.state };
  };

  async answer(body, faults) {
    const match = /^\/(yes|no|always) ([0-9a-f]{20})(\d{6})$/.exec(body.data ?? '');
    if (!match || typeof body.session !== 'string') faults.push(`not an answer: ${JSON.stringify(body)}`);
    this.answers.push(body);
    const { hold, refuse } = this;
    this.hold = this.refuse = null;
    await hold;
    if (refuse) return refuse;
    const [, verdict, id, code] = match;
    const q = this.all.get(id);
    if (!q) return [404, { error: 'there is no such question' }];
    if (q.nonce !== code || !this.card(id).buttons) {
      return [409, { error: q.lapsed ? 'the question has lapsed; ask for the action again' : 'the question was answered before', card: this.card(id) }];
    }
    if (verdict === 'no') q.state = 'denied';
    else if (q.twice && q.state === 'asked') Object.assign(q, { state: 'asked-again', nonce: nonce() });
    else Object.assign(q, { state: 'approved', always: verdict === 'always' && q.grant !== '' });
    if (q.always) this.grant(q.tool, q.grant);
    const reply = { denied: 'I do not do it.', approved: this.said }[q.state] ?? 'Something secret would leave you with this.';
    return [200, { card: this.card(id), reply }];
  }

  grant(tool, destination, { by = 'web:owner', at = '2026-01-05T12:00:00Z' } = {}) {
    this.grants.push({ id: createHash('sha256').update(tool + destination).digest('hex').slice(0, 8), tool, destination, by, at });
  }

  revoke({ id }) {
    const at = this.grants.findIndex((grant) => grant.id === id);
    if (at < 0) return [404, { error: 'there is no such grant; it may have been revoked before' }];
    this.grants.splice(at, 1);
    return [200, {}];
  }
}
