// A pool of instances of one function. An instance serves one event at a time
// (an isolate interleaves requests, and I/O of one may not run inside another),
// goes back when nothing of its event is left, and is thrown away when it
// crashed, is old, has grown, or did not become quiet.
import { Instance } from "./instance.mjs";

// Idle instances kept over all functions of the isolate: what is above it when
// an event ends is let go, so that a burst does not hold memory for ever.
const KEEP = 8;
// A waiting event must have I/O of its own pending, or the runtime takes it
// for hung and ends it.
const HEARTBEAT_MS = 500;

let kept = 0;

export class Pool {
  #name; #module; #limit; #idle = []; #live = 0; #waiting = [];

  constructor(name, module, limit) {
    this.#name = name;
    this.#module = module;
    this.#limit = limit;
  }

  // run gives the event an instance, in the order of the calls, and resolves
  // to the program's answer. The instance is returned under ctx.waitUntil.
  async run(event, env, ctx) {
    const instance = await this.#acquire();
    let dispatched;
    try {
      dispatched = instance.dispatch(event, env, ctx);
    } catch (err) {
      this.#release(instance, false);
      throw err;
    }
    const returned = dispatched.ended
      .then(() => !instance.dead && instance.reusable())
      .then((ok) => this.#release(instance, ok), () => this.#release(instance, false));
    ctx.waitUntil(returned);
    return dispatched.response;
  }

  async #acquire() {
    if (this.#waiting.length === 0) {
      const instance = this.#take();
      if (instance) return instance;
    }
    const turn = { granted: null };
    const granted = new Promise((resolve) => { turn.grant = (instance) => { turn.granted = instance; resolve(); }; });
    this.#waiting.push(turn);
    while (!turn.granted) {
      let timer;
      await Promise.race([granted, new Promise((resolve) => { timer = setTimeout(resolve, HEARTBEAT_MS); })]);
      clearTimeout(timer);
    }
    // A slot was granted rather than an instance: start it in this request's context.
    return turn.granted === SLOT ? this.#start() : turn.granted;
  }

  #take() {
    const instance = this.#idle.pop();
    if (instance) {
      kept--;
      return instance;
    }
    if (this.#live >= this.#limit) return null;
    this.#live++;
    return this.#start();
  }

  #start() {
    try {
      return new Instance(this.#name, this.#module);
    } catch (err) {
      this.#live--;
      this.#waiting.length && this.#grantSlot();
      throw err;
    }
  }

  #grantSlot() {
    this.#live++;
    this.#waiting.shift().grant(SLOT);
  }

  #release(instance, ok) {
    if (ok && this.#waiting.length) {
      this.#waiting.shift().grant(instance);
      return;
    }
    if (ok && kept < KEEP) {
      kept++;
      this.#idle.push(instance);
      return;
    }
    instance.close();
    this.#live--;
    if (this.#waiting.length) this.#grantSlot();
  }
}

const SLOT = Symbol("a free place");
