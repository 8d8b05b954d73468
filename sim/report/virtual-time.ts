// How instants and spans of virtual time are written for people, everywhere: in the sentences of oracles, in traces and
// in reports. Exact to the millisecond, without locale and without floating point, so that a text is the same anywhere.

/** An instant or a span in microseconds, cut to milliseconds: `0s`, `0.25s`, `3m12.4s`, `1h0m5s`, `-2s`. */
export function formatUs(us: number): string {
  if (us < 0) return `-${formatUs(-us)}`;
  const ms = Math.floor(us / 1000);
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const text = `${Math.floor(ms / 1000) % 60}${fraction(ms % 1000)}s`;
  if (hours > 0) return `${hours}h${minutes}m${text}`;
  return minutes > 0 ? `${minutes}m${text}` : text;
}

/** A span in milliseconds, written like `formatUs`. */
export function formatMs(ms: number): string {
  return formatUs(ms * 1000);
}

function fraction(ms: number): string {
  if (ms === 0) return '';
  return `.${String(ms).padStart(3, '0').replace(/0+$/, '')}`;
}
