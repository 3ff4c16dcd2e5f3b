/* Owns the runs that the browser holds for the explorer: takes them from the server's values, forgets the oldest,
   and asks for what is not here. Nothing is drawn. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const KEEP = 6; // runs the browser remembers

  /** port: of BX.gradio.mount. */
  A.runs = (port) => {
    const known = new Map(); // run id -> decoded run
    let newest = null; // the newest run that the server told of
    let asked = null; // the run that it was asked for by name

    /** Asks for a run ('': the newest), or for single maps of a large one. */
    function ask(id, slices) {
      if (!slices) asked = id || null;
      port.send('select', { run: id, known: [...known.keys()], ...(slices ? { slices } : {}) });
    }

    /** Takes a value of the server's. -> {turn: id to open or null, slices: whether maps came for its run} */
    function take(value) {
      if (value.trace) {
        known.set(value.run, A.decode(value.trace));
        if (known.size > KEEP) known.delete(known.keys().next().value);
      }
      const slices = known.has(value.run) && Object.keys(value.slices || {}).length > 0;
      if (slices) A.keep(known.get(value.run), value.slices);
      // A run that came since the last look is opened, and one that was asked for; else nothing moves.
      const turn = value.newest !== newest || asked === value.run;
      newest = value.newest;
      asked = null;
      return { turn: turn && known.has(value.run), slices };
    }
    return { ask, take, has: (id) => known.has(id), get: (id) => known.get(id) };
  };
})();
