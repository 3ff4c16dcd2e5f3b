/* Owns what a selection of words means: which rows and columns of a map it is, and what it becomes when words turn
   into pieces. Pure functions of a run, a view of it and a selection {line: 'source'|'output', words: [index]}. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const A = BX.attention;
  const NOTHING = Object.freeze({ line: 'output', words: [] });

  /** A selection with one word more or less; words of the other line are let go. */
  function toggled(selected, line, word) {
    const words = selected.line === line ? [...selected.words] : [];
    const at = words.indexOf(word);
    if (at >= 0) words.splice(at, 1);
    else words.push(word);
    return { line, words: words.sort((a, b) => a - b) };
  }

  /** One word alone, or nothing when it is that already. */
  function only(selected, line, word) {
    const same = selected.line === line && selected.words.length === 1 && selected.words[0] === word;
    return { line, words: same ? [] : [word] };
  }

  /** The same tokens in other groups: what was selected of `before` as indices into `now`, lists of tokens. */
  function regrouped(selected, before, now) {
    const tokens = new Set(selected.words.flatMap((g) => before[g] || []));
    const touched = (group) => group.some((token) => tokens.has(token));
    return { line: selected.line, words: now.map((_, g) => g).filter((g) => touched(now[g])) };
  }

  /** The lines and words behind row r and column c of a view: {row: [line, word], column: [line, word]}. */
  function wordsOf(shown, by, r, c) {
    const row = shown.keepRows[r];
    const column = shown.keepColumns[c];
    if (shown.kind === 'encoder_self') return { row: ['source', row], column: ['source', column] };
    const out = by === 'read' ? row : row + 1; // the output line begins with the start token
    return { row: ['output', out], column: [shown.kind === 'cross' ? 'source' : 'output', column] };
  }

  /** Which rows and columns of a view the selected words are: {rows, columns}, without those not shown. */
  function places(shown, by, selected) {
    const rows = [];
    const columns = [];
    for (const word of selected.words) {
      const ofSource = selected.line === 'source';
      if (shown.kind === 'encoder_self') {
        if (ofSource) rows.push(shown.keepRows.indexOf(word));
      } else if (!ofSource) {
        rows.push(shown.keepRows.indexOf(A.rowOf(shown, word, by)));
      } else if (shown.kind === 'cross') {
        columns.push(shown.keepColumns.indexOf(word));
      }
    }
    return { rows: rows.filter((r) => r >= 0), columns: columns.filter((c) => c >= 0) };
  }

  /** What a new run opens with: the output word that looks most decidedly at one source word. */
  function decided(view) {
    if (!view || view.missing) return NOTHING;
    let [best, word] = [-1, -1];
    view.z.forEach((row, r) => {
      const isWord = /^\p{L}{3,}/u.test(view.pairs[r].wrote);
      const top = Math.max(...row);
      if (isWord && top > best) [best, word] = [top, r + 1];
    });
    return { line: 'output', words: word > 0 ? [word] : [] };
  }

  A.selection = { NOTHING, toggled, only, regrouped, wordsOf, places, decided };
})();
