// Written by `python -m components.views.typedefs` from components/views/contract.py: do not edit.

/** 1 stands in every value as `version`. */
export const VERSION: 1;

/**
 * One of the ten most probable tokens of a step.
 */
export interface Alternative {
  id: number;
  label: string;
  logprob: number | null;
}

/**
 * One token, of the source or written, streamed or finished.
 *
 * `piece` is the vocabulary's own spelling, `label` how people read the token by itself ("Katze", "␣"
 * for a lone space, "xC3" for a byte, "</s>"). `text` is what it shows in its line: no white space before
 * it, "" where its letter is shown by another token. `gap` tells that white space stands before it in the
 * line (always true of a line's first token); tokens without a gap hang together. `special` is true of
 * tokens that steer instead of saying something; <unk> is none of them.
 *
 * Of a written token only: `adds` is what it adds to the answer (joined: the decoded text), `logprob`
 * and `alternatives` (best first) its probabilities, and while streaming `cross` the attention
 * [L, H, S] of the step that wrote it, of the shape that `StreamedRun.shape` names; "" in a finished run,
 * whose maps hold it.
 */
export interface Token {
  id: number;
  piece: string;
  label: string;
  text: string;
  gap: boolean;
  special: boolean;
  adds?: string;
  logprob?: number | null;
  alternatives?: Alternative[];
  cross?: string;
}

/**
 * The tokens of a text, and their words.
 *
 * `labels` stand at the side of a map, one a token: as the token's own, with a middle dot in front where
 * it continues a word ("·ze"). `words` is the index of each token's word, counted from 0, and
 * `word_labels` holds what each word reads. A special token is a word of its own.
 */
export interface Line {
  tokens: Token[];
  labels: string[];
  words: number[];
  word_labels: string[];
}

/**
 * Weights of any shape: base64 of little-endian uint16, row by row.
 */
export interface Packed {
  shape: number[];
  u16: string;
}

/**
 * One kind of attention, [L, H, R, C], by the name it has in `Run.maps`.
 *
 * `rows` and `columns` name the lines along its sides: "source", "target", or "read" (the start token,
 * then the target without its last token). `shift` and `measure` are those of `bertgen.AttentionMap`.
 * Either `u16` holds all weights, or (of a large run) `tiles` small pictures of all maps
 * [L + 1, H + 1, <= 16, <= 16], and single maps are asked for as they are looked at.
 */
export interface RunMap {
  shape: number[];
  rows: string;
  columns: string;
  shift: number;
  measure: string;
  u16?: string | null;
  tiles?: Packed | null;
}

/**
 * What is known of a run before its first token; `cut` is the end of its text that was left out.
 */
export interface RunHead {
  version: number;
  source: Line;
  start: Token;
  cut: string;
}

/**
 * A finished run, as the explorer gets it.
 */
export interface Run {
  version: number;
  source: Line;
  start: Token;
  cut: string;
  target: Line;
  maps: Record<string, RunMap>;
  finish: 'eos' | 'length' | 'stopped';
  model: string;
  text: string;
  seconds: number | null;
  first_token_seconds: number | null;
  settings: Record<string, unknown>;
}

/**
 * The best draft of a beam search after `step` steps (counted from 1).
 */
export interface Draft {
  step: number;
  text: string;
  score: number | null;
}

/**
 * A run as the player gets it, again and again (see above); `run` opens it in the explorer.
 */
export interface StreamedRun {
  head: string;
  tokens: string[];
  shape: number[] | null;
  draft: Draft | null;
  finish: 'eos' | 'length' | 'stopped' | null;
  run: string | null;
}

/**
 * What a press of Run cost, and under which settings; `first` is the time of the first token.
 */
export interface Stats {
  seconds: number;
  first: number | null;
  device: string;
  dtype: string;
  model: string;
  checkpoint: string;
  most: number;
  settings: string;
  beams: number;
  limit: number;
}

/**
 * The player's value: one press of Run, cumulative. A text run by sentences has a segment each.
 *
 * Of a message alone (`state` "error" or "idle") `segments` is empty, and `parts`, `notes` and
 * `stats` are not there.
 */
export interface PlayerValue {
  version: number;
  id: string;
  state: 'streaming' | 'finished' | 'stopped' | 'error' | 'idle';
  segments: StreamedRun[];
  parts?: number;
  notes?: string[];
  stats?: Stats;
  message: string;
  play: boolean;
}

/**
 * A run in the explorer's list.
 */
export interface RunChoice {
  id: string;
  label: string;
}

/**
 * The explorer's value. `trace` is the JSON text of a `Run`, or null where the browser holds it.
 *
 * `slices` holds single maps [R, C] of a large run, by the names "kind,layer,head,words,by" that the
 * browser asked for (not always there); `warnings` are those of the runs that have any, by id.
 */
export interface ExplorerValue {
  version: number;
  runs: RunChoice[];
  run: string;
  newest: string;
  trace: string | null;
  figure: Record<string, unknown>;
  warnings: Record<string, string[]>;
  note: string;
  slices?: Record<string, Packed>;
}
