/* Owns the explorer's arithmetic: from a run's packed attention to the one map looked at, and to its sentences.
   No state, no elements. components/views/maps.py does the same in Python; the end-to-end tests hold them equal.
   Letters as in the contract: L layers, H heads, T target and S source tokens; R rows and C columns as shown. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const KINDS = ['encoder_self', 'decoder_self', 'cross']; // in the order in which they are offered

  /** A contract Line with its flags at hand; `before` is a token that stands in front of it (a word of its own). */
  function lineOf({ tokens, labels, words, word_labels: wordLabels }, before = null) {
    const special = tokens.map((token) => token.special);
    if (!before) return { tokens, labels, words, word_labels: wordLabels, special };
    return {
      tokens: [before, ...tokens],
      labels: [before.label, ...labels],
      words: [0, ...words.map((word) => word + 1)],
      word_labels: [before.label, ...wordLabels],
      special: [before.special, ...special],
    };
  }
  /** A line without its last token. */
  const butLast = (line) => ({ ...line, tokens: line.tokens.slice(0, -1), labels: line.labels.slice(0, -1),
    words: line.words.slice(0, -1), special: line.special.slice(0, -1) });

  /** A contract Map with its weights, or its small pictures, unpacked. */
  function unpacked(map) {
    const { shape, rows, columns } = map;
    if (map.tiles) return { shape, rows, columns, tiles: BX.array(map.tiles) };
    return { shape, rows, columns, data: BX.u16(map.u16) };
  }

  /** The JSON text of a contract Run, ready to be looked at.
      @param {string} text
      @returns {{payload: import('../contract').Run, lines: Object, arrays: Object, large: boolean}} */
  function decode(text) {
    const payload = JSON.parse(text);
    // 1) The lines that a map's sides may be, by their names in the contract; and the output as the page shows it.
    const output = lineOf(payload.target, payload.start);
    const lines = { source: lineOf(payload.source), target: lineOf(payload.target), read: butLast(output), output };
    // 2) The weights. A large run comes without them: single maps are asked for when they are looked at.
    const names = KINDS.filter((kind) => payload.maps[kind]);
    const arrays = Object.fromEntries(names.map((kind) => [kind, unpacked(payload.maps[kind])]));
    const large = names.some((kind) => arrays[kind].tiles);
    return { payload, lines, arrays, large, maps: new Map(), cache: new Map() };
  }

  /** The token indices behind each row or column: one each, or those of a word. */
  function groupsOf(line, words) {
    if (!words) return line.labels.map((_, i) => [i]);
    const groups = [];
    line.words.forEach((word, i) => {
      if (i && word === line.words[i - 1]) groups[groups.length - 1].push(i);
      else groups.push([i]);
    });
    return groups;
  }
  const labelOf = (line, i, words) => (words ? line.word_labels[line.words[i]] : line.labels[i]);

  /** Both axes of a kind of attention: which line each is, and its groups. */
  function axes(run, kind, words, by) {
    const { rows, columns } = run.arrays[kind];
    const shifts = rows === 'target' && by === 'read'; // rows of the decoder stand for what was read
    const queries = run.lines[shifts ? 'read' : rows];
    const keys = run.lines[columns];
    return { queries, keys, rows: groupsOf(queries, words), columns: groupsOf(keys, words) };
  }

  /** Tokens to words, every head: SUM over a word's keys, MEAN over its queries. Float32 [L, H, R, C]. */
  function merged(run, kind, words, by) {
    const name = [kind, words, words && by].join();
    if (run.cache.has(name)) return run.cache.get(name);
    const { rows, columns } = axes(run, kind, words, by);
    const { shape: [L, H, T, S], data } = run.arrays[kind];
    const [R, C] = [rows.length, columns.length];
    const columnOf = new Int32Array(S);
    columns.forEach((group, c) => group.forEach((s) => { columnOf[s] = c; }));
    const out = new Float32Array(L * H * R * C);
    for (let map = 0; map < L * H; map++) {
      for (let r = 0; r < R; r++) {
        const at = (map * R + r) * C;
        const share = 1 / (65535 * rows[r].length);
        for (const t of rows[r]) {
          const from = (map * T + t) * S;
          for (let s = 0; s < S; s++) out[at + columnOf[s]] += data[from + s] * share;
        }
      }
    }
    const result = { L, H, R, C, data: out };
    if (run.cache.size > 8) run.cache.clear();
    run.cache.set(name, result);
    return result;
  }

  /** What is shown of a kind: kept rows and columns, their labels, the cells no query may look at. */
  function frame(run, kind, { words, by, hideSpecial }) {
    const { queries, keys, rows, columns } = axes(run, kind, words, by);
    const keep = (groups, line) => groups.map((_, i) => i)
      .filter((i) => !(hideSpecial && line.special[groups[i][0]]));
    const keepRows = keep(rows, queries);
    const keepColumns = keep(columns, keys);
    const { source, read, target } = run.lines;
    const ofSource = run.arrays[kind].rows === 'source';
    const pair = (group) => ({
      read: labelOf(ofSource ? source : read, group[0], words),
      wrote: ofSource ? labelOf(source, group[0], words) : labelOf(target, group.at(-1), words),
    });
    const blank = (r, c) => kind === 'decoder_self' && columns[c][0] > rows[r].at(-1);
    return {
      kind, queries, keys, rows, columns, keepRows, keepColumns, blank,
      pairs: keepRows.map((r) => pair(rows[r])),
      labels: keepColumns.map((c) => labelOf(keys, columns[c][0], words)),
      special: keepColumns.map((c) => keys.special[columns[c][0]]),
    };
  }

  /** One map, ready to be drawn: z rows of weights (null where no query may look), the mass hidden. */
  function view(run, kind, layer, head, options, shown = frame(run, kind, options)) {
    const C = shown.columns.length;
    const wanted = [kind, layer, head, options.words, options.by];
    const flat = run.large ? run.maps.get(wanted.join())
      : BX.aggregate(merged(run, kind, options.words, options.by), layer, head);
    if (!flat) return { ...shown, layer, head, wanted, missing: true };
    let [seen, total] = [0, 0];
    const z = shown.keepRows.map((r) => {
      for (let c = 0; c < C; c++) total += flat[r * C + c];
      return shown.keepColumns.map((c) => {
        if (shown.blank(r, c)) return null;
        seen += flat[r * C + c];
        return flat[r * C + c];
      });
    });
    return {
      ...shown, layer, head, z, flat,
      hidden: total > 0 ? 1 - seen / total : 0,
      hiddenRows: shown.rows.length - shown.keepRows.length,
    };
  }

  /** The share of weight on special tokens over all rows that are not special, hidden or not. */
  function specialMass(run, kind, layer, head, options) {
    return view(run, kind, layer, head, { ...options, hideSpecial: true });
  }

  /** Takes in the maps of a large run that the server sent: {name: {shape, u16}}. */
  function keep(run, maps) {
    for (const [name, packed] of Object.entries(maps)) {
      run.maps.set(name, Float32Array.from(BX.u16(packed.u16), (value) => value / 65535));
    }
    while (run.maps.size > 60) run.maps.delete(run.maps.keys().next().value);
  }

  /** The small picture of one map of a large run as rows of weights, null where no query may look. */
  function thumbnail(run, kind, l, h) {
    const { shape: [, , T, S], tiles: { shape: [, H1, rows, columns], data } } = run.arrays[kind];
    const at = (l * H1 + h) * rows * columns;
    const later = (r, c) => kind === 'decoder_self'
      && Math.ceil((c * S) / columns) > Math.ceil(((r + 1) * T) / rows) - 1;
    return Array.from({ length: rows }, (_, r) => Array.from({ length: columns },
      (__, c) => (later(r, c) ? null : data[at + r * columns + c] / 65535)));
  }

  const LOG_FLOOR = 1e-3;
  /** A function (weight, row) -> 0..1 for the colour, by the scale's name. */
  function scaler(scale, z) {
    if (scale === 'log') {
      return (w) => (w <= LOG_FLOOR ? 0 : 1 - Math.log10(w) / Math.log10(LOG_FLOOR));
    }
    if (scale === 'map') {
      const top = Math.max(1e-9, ...z.map((row) => Math.max(...row)));
      return (w) => w / top;
    }
    if (scale === 'row') {
      const tops = z.map((row) => Math.max(1e-9, ...row));
      return (w, r) => w / tops[r];
    }
    return (w) => w;
  }

  /** The place in words: 'layer 3 head 2' (counted from 1), 'layer 3 (mean of heads)'. how: 'map.inside' for
      brackets that are there already. */
  function where(layer, head, how = 'map.where') {
    const [one, other] = [typeof layer === 'number', typeof head === 'number'];
    const named = (pick) => (typeof pick === 'number' ? pick + 1 : BX.t(`map.pick.${pick}`));
    const say = (form) => BX.t(`${how}.${form}`, { layer: named(layer), head: named(head) });
    if (one && other) return say('one');
    if (one) return say('layer');
    if (other) return say('head');
    return say(layer === head ? 'same' : 'both');
  }

  /** A sentence about one cell as parts: plain strings, and {token} where a token stands. */
  function sentence(shown, r, c, by) {
    const { kind } = shown;
    const pair = shown.pairs[r];
    const weight = shown.z[r][c];
    if (weight === null) return BX.parts('map.says.later', { wrote: pair.wrote, column: shown.labels[c] });
    const name = by === 'read' && kind !== 'encoder_self' ? `${kind}_read` : kind;
    const values = {
      row: pair.wrote, read: pair.read, wrote: pair.wrote, column: shown.labels[c],
      where: where(shown.layer, shown.head), weight: BX.percent(weight),
    };
    return BX.parts(`map.says.${name}`, values);
  }

  /** The map to open with: of all layers' head means, the one whose rows are most decided. */
  function opening(run, kind, options) {
    if (run.large) return { layer: run.arrays[kind].shape[0] - 1, head: 'mean' };
    const all = merged(run, kind, options.words, options.by);
    let best = { layer: all.L - 1, score: -1 };
    for (let l = 0; l < all.L; l++) {
      const shown = view(run, kind, l, 'mean', { ...options, hideSpecial: true });
      const peaks = shown.z.map((row) => Math.max(0, ...row.filter((w) => w !== null)));
      const score = peaks.reduce((a, b) => a + b, 0) / Math.max(1, peaks.length);
      if (score > best.score) best = { layer: l, score };
    }
    return { layer: best.layer, head: 'mean' };
  }

  BX.attention = {
    KINDS, decode, groupsOf, labelOf, axes, merged, frame, view, specialMass, scaler,
    where, sentence, opening, keep, thumbnail, LOG_FLOOR,
  };
})();
