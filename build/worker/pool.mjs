// A pool of instances of one function. An instance serves one event at a time
// (an isolate interleaves requests, and I/O of one may not run inside another),
// goes back when nothing of its event is left, and is thrown away when it
// crashed, is old, has grown, or did not become quiet.
//
// The platform may end an event without a word: its limits are passed, or its
// client is gone and waitUntil has run out. No code of that event runs again,
// not even a finally. So whoever holds a place in the pool or waits for one
// shows signs of life, and the others go by them.
import { Instance } from "./instance.mjs";

// Idle instances kept over all functions of the isolate: what is above it when
// an event ends is let go, so that a burst does not hold memory for ever.
const KEEP = 8;
// The sign of life is a timer. An event also needs one while it waits: without
// I/O of its own pending the runtime takes it for hung and ends it.
const HEARTBEAT_MS = 500;
const SILENT_MS = 5000; // then it is taken for ended

let kept = 0;

// Gone is the error of an event whose client did not wait for an instance.
export class Gone extends Error {}

export class Pool {
  #name; #module; #limit;
  #idle = []; // instances
  #places = new Set(); // of the events being served: {instance or null, seen}
  #waiting = []; // {grant, place once granted, seen}, in order

  constructor(name, module, limit) {
    this.#name = name;
    this.#module = module;
    this.#limit = limit;
  }

  // run gives the event an instance, in the order of the calls, and resolves
  // to the program's answer. The instance is returned under ctx.waitUntil.
  async run(event, env, ctx) {
    let place = this.#free();
    if (!place) {
      const waiting = this.#wait(event.signal);
      ctx.waitUntil(waiting.catch(() => {})); // a client that goes away does not end the wait half-way
      place = await waiting;
    }
    // An event that waits for nothing is over before anybody asks for signs of life.
    let heartbeat;
    const alive = () => { heartbeat ??= setInterval(() => { place.seen = Date.now(); }, HEARTBEAT_MS); };
    const release = (reusable) => {
      clearInterval(heartbeat);
      if (place.instance) place.instance.alive = null;
      this.#release(place, reusable);
    };
    let dispatched;
    try {
      place.instance ??= new Instance(this.#name, this.#module);
      place.instance.alive = alive;
      dispatched = place.instance.dispatch(event, env, ctx);
    } catch (err) {
      release(false);
      throw err;
    }
    ctx.waitUntil(dispatched.ended
      .then(() => !place.instance.dead && place.instance.reusable())
      .then(release, () => release(false)));
    return dispatched.response;
  }

  // #free is a place if one is to be had at once.
  #free() {
    if (this.#waiting.length) return null;
    if (this.#idle.length) {
      kept--;
      return this.#take(this.#idle.pop());
    }
    return this.#places.size < this.#limit ? this.#take(null) : null;
  }

  async #wait(signal) {
    const turn = { place: null, seen: Date.now() };
    const granted = new Promise((resolve) => { turn.grant = (place) => { turn.place = place; resolve(); }; });
    this.#waiting.push(turn);
    for (;;) {
      let timer;
      await Promise.race([granted, new Promise((resolve) => { timer = setTimeout(resolve, HEARTBEAT_MS); })]);
      clearTimeout(timer);
      const late = Date.now() - turn.seen;
      turn.seen = Date.now();
      if (turn.place) return turn.place;
      if (signal?.aborted) {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        throw new Gone("the client went away");
      }
      // After a pause of the whole isolate the others show themselves first.
      if (late < 3 * HEARTBEAT_MS) this.#giveUpSilent();
    }
  }

  // #take makes a place for an event; the event starts an instance in it when
  // it gets none, since that must happen in the event's own context.
  #take(instance) {
    const place = { instance, seen: Date.now() };
    this.#places.add(place);
    return place;
  }

  #release(place, reusable) {
    if (!this.#places.delete(place)) return; // it was given up
    const { instance } = place;
    if (!reusable) instance?.close();
    const turn = this.#nextTurn();
    if (turn) {
      turn.grant(this.#take(reusable ? instance : null));
    } else if (reusable && kept < KEEP) {
      kept++;
      this.#idle.push(instance);
    } else {
      instance?.close();
    }
  }

  #nextTurn() {
    let turn;
    do turn = this.#waiting.shift(); while (turn && Date.now() - turn.seen > SILENT_MS);
    return turn;
  }

  #giveUpSilent() {
    for (const place of this.#places) {
      if (Date.now() - place.seen <= SILENT_MS) continue;
      place.instance?.crash();
      this.#release(place, false);
    }
  }
}
