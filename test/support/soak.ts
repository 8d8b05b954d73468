// How much a test tries: a little in every run of the tests, a lot in `npm run soak`, which sets STANDIN_SOAK.

/** `many` in the soak, else `few`. */
export function soakOr(many: number, few: number): number {
  return process.env['STANDIN_SOAK'] === '1' ? many : few;
}
