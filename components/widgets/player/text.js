/* Owns the words of a run: the source line, the output line tinted by probability, the alternatives of a token.
   What a token shows, and whether a gap stands before it, is decided in Python (the contract's Token). */
(() => {
  'use strict';
  const BX = (window.BX = window.BX || {});

  /** Natural-log probability -> '0.98', '<0.01', '1.00'. */
  BX.prob = (logprob) => {
    const p = logprob == null ? 0 : Math.exp(logprob);
    return p < 0.005 ? '<0.01' : p.toFixed(2);
  };
  const short = (logprob) => BX.prob(logprob).replace(/^0|^(<)0/, '$1');
  const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufefc]/;

  /** A line of tokens with one tab stop: arrow keys move, touching and leaving are told. */
  class TokenLine {
    constructor(root, { onTouch }) {
      this.root = root;
      this.onTouch = onTouch;
      this.tokens = [];
      this.word = null;
      this.touched = -1;
      root.addEventListener('pointerover', (e) => this.touch(this.indexOf(e.target)));
      root.addEventListener('pointerleave', () => {
        if (!root.contains(document.activeElement)) this.touch(-1);
      });
      root.addEventListener('focusin', (e) => this.touch(this.indexOf(e.target)));
      root.addEventListener('focusout', (e) => { if (!root.contains(e.relatedTarget)) this.touch(-1); });
      root.addEventListener('keydown', (e) => this.walk(e));
    }

    indexOf(node) {
      const token = node.closest && node.closest('[data-i]');
      return token ? +token.dataset.i : -1;
    }

    touch(index) {
      if (index === this.touched) return;
      this.touched = index;
      this.onTouch(index);
    }

    walk(event) {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 }[event.key];
      if (!step || !this.tokens.length) return;
      event.preventDefault();
      const to = Math.max(0, Math.min(this.tokens.length - 1, Math.max(0, this.touched) + step));
      this.tokens[to].focus();
    }

    clear() {
      this.root.replaceChildren();
      this.tokens = [];
      this.word = null;
    }

    /** Adds a token; those without a gap stand on the word before them. note and hint: of a written one. */
    add({ text, label, special, gap }, first, { note, hint } = {}) {
      if (first || gap || special || !this.word) {
        if (this.tokens.length) this.root.append(' ');
        this.word = BX.el('span', { class: 'bxp-word' });
        this.root.append(this.word);
      }
      const index = this.tokens.length;
      const node = BX.el('span', {
        class: 'bxp-t' + (special ? ' special' : ''), 'data-i': index, tabindex: index ? -1 : 0,
        role: 'button',
        'aria-label': hint || label, dir: 'auto',
      }, BX.el('span', { class: 'bxp-x' }, special ? label : text),
      note ? BX.el('small', {}, note) : null);
      if (!special && !text) node.classList.add('part');
      this.word.append(node);
      if (!special && RIGHT_TO_LEFT.test(text)) this.word.dir = 'rtl';
      this.tokens.push(node);
      if (special) this.word = null;
      return node;
    }

    drop(count) {
      if (this.tokens.length <= count) return;
      while (this.tokens.length > count) {
        const node = this.tokens.pop();
        const word = node.parentElement;
        node.remove();
        if (!word.childElementCount) {
          if (word.previousSibling && word.previousSibling.nodeType === 3) word.previousSibling.remove();
          word.remove();
        }
      }
      const last = this.tokens.at(-1); // what comes next may go on its word
      this.word = last && !last.classList.contains('special') ? last.parentElement : null;
    }

    /** Tints tokens by weights in 0..1 (attention colours); null gives them back their own look. */
    tint(weights) {
      const dark = BX.gradio.dark();
      this.root.classList.toggle('tinted', !!weights);
      this.tokens.forEach((node, i) => {
        const w = weights ? weights(i) : null;
        const look = w == null ? '' : `${dark} ${Math.round(w * 255)}`;
        if ((node.look || '') === look) return;
        node.look = look;
        node.style.setProperty('--tint', w == null ? '' : BX.color(w, dark));
        node.style.setProperty('--ink', w == null ? '' : BX.ink(w, dark));
        node.classList.toggle('weighed', w != null);
      });
    }

    mark(index) {
      if (this.marked) this.marked.classList.remove('lit');
      this.marked = this.tokens[index];
      if (this.marked) this.marked.classList.add('lit');
    }
  }

  class SourceLine extends TokenLine {
    /** entries: [{token, first}], first: of its segment */
    fill(entries) {
      this.clear();
      this.root.dir = RIGHT_TO_LEFT.test(entries.map(({ token }) => token.text).join('')) ? 'rtl' : 'ltr';
      for (const { token, first } of entries) this.add(token, first);
    }
  }

  class OutputLine extends TokenLine {
    /** Shows exactly the first `count` of the flat list of tokens. */
    sync(flat, count) {
      this.drop(count);
      for (let i = this.tokens.length; i < count; i++) this.write(flat[i]);
    }

    write({ token, first }) {
      const { text, label, special, logprob } = token;
      const p = logprob == null ? 0 : Math.exp(logprob);
      const node = this.add(token, first, {
        note: (text.length > 2 || special) ? short(logprob) : '\u00a0',
        hint: BX.t('player.token_hint', { token: label, probability: BX.prob(logprob) }),
      });
      node.style.setProperty('--p', p.toFixed(3));
      node.classList.toggle('unsure', p < 0.5 && !special);
    }

    /** A beam search's best draft: greyed text, no tokens yet. */
    draft(text) {
      this.clear();
      if (text) this.root.append(BX.el('span', { class: 'bxp-draft', dir: 'auto' }, text));
    }
  }

  /** The alternatives to one token, as a row of words with bars. */
  BX.alternatives = (root, token, index) => {
    if (root.token === token) return;
    root.token = token;
    if (!token) { root.replaceChildren(); return; }
    const others = token.alternatives || [];
    const list = BX.el('ol', { class: 'bxp-alts' },
      ...others.map(({ id, label, logprob }) => alternative(label, logprob, id === token.id)));
    if (!others.some(({ id }) => id === token.id)) list.prepend(alternative(token.label, token.logprob, true));
    const step = BX.t('player.token', { number: index + 1 });
    root.replaceChildren(BX.el('span', { class: 'bxp-step' }, step), list);
  };
  const alternative = (label, logprob, mine) => {
    const item = BX.el('li', { class: mine ? 'mine' : false },
      BX.el('span', {}, label), BX.el('b', {}, short(logprob)));
    item.style.setProperty('--p', (logprob == null ? 0 : Math.exp(logprob)).toFixed(3));
    return item;
  };

  BX.SourceLine = SourceLine;
  BX.OutputLine = OutputLine;
})();
