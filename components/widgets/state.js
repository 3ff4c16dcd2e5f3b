/* Owns the view state: what a visitor looks at. Every widget of a page is a factory over one of these and keeps
   no second copy, so that widgets agree, and leaving a tab or drawing a widget anew loses nothing.

   State is one frozen object, replaced at each change; whoever watches is told what changed, at once.
   Moments (Run was pressed) are no state: they are told and gone. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});

  const LINES = ['source', 'output'];
  const MOST_WORDS = 512; // that a link may select
  const NO_PICK = Object.freeze({ layer: null, head: null });

  /** What goes into a link. null: nobody has chosen yet, the widget decides. */
  const START = Object.freeze({
    run: '', // id of the run that is looked at
    map: 'cross',
    layer: null, // of this map: a number from 0, 'mean' or 'max'
    head: null,
    measure: 'raw',
    unit: 'words',
    rows: 'wrote', // which token stands for a row of the decoder: the one it wrote or read
    scale: 'fixed',
    hideSpecial: false,
    selected: null, // {line, words: [index]}
    compare: null, // what stands beside it: {run, map, layer, head, measure}, only what differs
    step: null, // a place in the output, from 0
  });
  /** What does not: it belongs to the moment, or to this browser. */
  const PRIVATE = Object.freeze({
    picks: Object.freeze({}), // the layer and head that each map had last
    wanted: '', // a run that one widget wants to be seen in another
    live: Object.freeze({ layer: 'mean', head: 'mean' }), // of the map beside the output
    growing: null, // what that map shows: see player/view.js
    shown: null, // the explorer's map in numbers: see view() of explorer/data.js
    cell: null, // of that map, as touched: {row, col}
    part: null, // of a long text, as chosen
  });

  // ---- what a stranger may say (a link is an upload)

  const oneOf = (...allowed) => (value) => (allowed.includes(value) ? value : undefined);
  const text = (pattern) => (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined);
  const whole = (most) => (value) => (Number.isInteger(value) && value >= 0 && value < most ? value : undefined);
  const orNull = (check) => (value) => (value === null ? null : check(value));
  const isObject = (value) => Boolean(value) && typeof value === 'object' && !Array.isArray(value);
  function layerOrHead(value) {
    if (value === 'mean' || value === 'max') return value;
    return whole(1024)(value);
  }
  function selection(value) {
    if (!isObject(value) || !LINES.includes(value.line) || !Array.isArray(value.words)) return undefined;
    const words = value.words.slice(0, MOST_WORDS).filter((word) => whole(100_000)(word) !== undefined);
    return { line: value.line, words: [...new Set(words)].sort((a, b) => a - b) };
  }
  function other(value) {
    if (!isObject(value)) return undefined;
    return checked(value, ['run', 'map', 'layer', 'head', 'measure']);
  }
  /** field -> function (value) that gives the value, copied, or undefined where it cannot be. */
  const CHECKS = {
    run: text(/^[\w-]{0,64}$/),
    map: text(/^[a-z_]{1,40}$/), // a name in Run.maps; the explorer passes over what a run does not hold
    layer: orNull(layerOrHead),
    head: orNull(layerOrHead),
    measure: text(/^[a-z_]{1,40}$/),
    unit: oneOf('words', 'pieces'),
    rows: oneOf('wrote', 'read'),
    scale: oneOf('fixed', 'row', 'map', 'log'),
    hideSpecial: oneOf(true, false),
    selected: orNull(selection),
    compare: orNull(other),
    step: orNull(whole(100_000)),
  };
  /** The fields of a plain object that hold what they may hold; the rest is passed over in silence. */
  function checked(plain, fields) {
    const found = {};
    for (const field of fields) {
      const value = Object.hasOwn(plain, field) ? CHECKS[field](plain[field]) : undefined;
      if (value !== undefined) found[field] = value;
    }
    return found;
  }

  // ---- the store

  /** The state after a change, with what follows from it. */
  function after(before, patch) {
    const next = { ...before, ...patch };
    // 1) Another run has other words: nothing is selected until somebody decides.
    if (next.run !== before.run && !('selected' in patch)) next.selected = null;
    // 2) Every map keeps its own layer and head: coming back to it brings them back.
    const turned = next.map !== before.map && !('layer' in patch) && !('head' in patch);
    if (turned) Object.assign(next, next.picks[next.map] || NO_PICK);
    // 3) And remembers those it has now.
    next.picks = Object.freeze({ ...next.picks, [next.map]: { layer: next.layer, head: next.head } });
    return Object.freeze(next);
  }

  class View {
    #state = Object.freeze({ ...START, ...PRIVATE });
    #watchers = new Set();
    #hearers = new Map();

    get state() { return this.#state; }

    /** Changes some fields and tells all watchers, before it returns. An unknown field is a mistake of ours. */
    set(patch) {
      const strange = Object.keys(patch).find((field) => !(field in START) && !(field in PRIVATE));
      if (strange) throw new Error(`the view state has no field ${strange}`);
      const before = this.#state;
      this.#state = after(before, patch);
      const fields = Object.keys(this.#state).filter((field) => this.#state[field] !== before[field]);
      const changed = new Set(fields.filter((field) => field !== 'picks'));
      if (changed.size) for (const watcher of [...this.#watchers]) watcher(this.#state, changed);
    }

    /** The layer and head of any map, whether or not it is the one looked at. */
    pick(map) { return this.#state.picks[map] || NO_PICK; }

    /** Gives a map its layer and head. */
    choose(map, layer, head) {
      if (map === this.#state.map) this.set({ layer, head });
      else this.set({ picks: Object.freeze({ ...this.#state.picks, [map]: { layer, head } }) });
    }

    /** fn(state, changed: Set of fields) after each change. Returns a function that ends it. */
    watch(fn) {
      this.#watchers.add(fn);
      return () => this.#watchers.delete(fn);
    }

    /** Tells a moment to whoever hears it: begin, stop, fail, choose, follow. */
    tell(moment, data) { for (const fn of this.#hearers.get(moment) || []) fn(data); }

    /** fn(data) at each such moment. Returns a function that ends it. */
    hear(moment, fn) {
      if (!this.#hearers.has(moment)) this.#hearers.set(moment, new Set());
      this.#hearers.get(moment).add(fn);
      return () => this.#hearers.get(moment).delete(fn);
    }

    /** What a link holds: the fields that are not as at the start, as a plain object of its own. */
    plain() {
      const fields = Object.keys(START).filter((field) => this.#state[field] !== START[field]);
      return structuredClone(Object.fromEntries(fields.map((field) => [field, this.#state[field]])));
    }

    /** The way back. What is missing is as at the start; what is not understood is passed over. */
    restore(plain) {
      const given = checked(isObject(plain) ? plain : {}, Object.keys(START));
      this.set({ ...START, picks: PRIVATE.picks, ...given });
    }
  }

  const views = new Map();
  /** A page's view state by its name: widgets that name the same one share it. */
  BX.view = (name = 'page') => {
    if (!views.has(name)) views.set(name, new View());
    return views.get(name);
  };
})();
