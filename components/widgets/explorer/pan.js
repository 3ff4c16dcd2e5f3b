/* Owns the scroll bars beside a map that is too long to be read at once: they move it, and its labels stay. */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});
  const THICK = 12; // px

  /** Two bars inside stage. moved(axis, low): the visitor scrolled; low is where the axis is to begin. */
  BX.panBars = (stage, moved) => {
    const make = (axis) => {
      const inner = BX.el('i', {});
      const node = BX.el('div', { class: `bxa-pan ${axis}`, tabindex: -1, 'aria-hidden': 'true', hidden: true },
        inner);
      const side = axis === 'x' ? ['scrollLeft', 'width'] : ['scrollTop', 'height'];
      const bar = { node, inner, axis, side, expected: null, cells: 1 };
      node.addEventListener('scroll', () => {
        const at = node[side[0]];
        const ours = bar.expected !== null && Math.abs(at - bar.expected) < 2; // we moved it ourselves
        bar.expected = null;
        if (!ours) moved(axis, (at / bar.long) * bar.cells - 0.5);
      });
      stage.append(node);
      return bar;
    };
    const bars = { x: make('x'), y: make('y') };

    /** Shows where [low, high] of n cells is; area is the plot's box in px. */
    function place(axis, area, [low, high], n) {
      const { node, inner, side } = bars[axis];
      const bar = bars[axis];
      const part = high - low;
      node.hidden = part > n - 0.5;
      if (node.hidden) return;
      const length = axis === 'x' ? area.width : area.height;
      Object.assign(bar, { cells: n, long: (length * n) / part });
      node.style.left = `${axis === 'x' ? area.left : area.left + area.width + 2}px`;
      node.style.top = `${axis === 'x' ? area.top + area.height + 2 : area.top}px`;
      node.style.width = `${axis === 'x' ? length : THICK}px`;
      node.style.height = `${axis === 'x' ? THICK : length}px`;
      inner.style[side[1]] = `${bar.long}px`;
      const at = ((low + 0.5) / n) * bar.long;
      if (Math.abs(node[side[0]] - at) < 2) return;
      node[side[0]] = at;
      bar.expected = node[side[0]];
    }
    return { place };
  };
})();
