/** Shares by weight, for the few destinations of a route. */

/** Index of a destination by weight; `chance` in [0, 1). Pure. All weights 0 gives -1. */
export function pickWeighted(
  weights: readonly { readonly weight: number }[],
  chance: number,
): number {
  if (weights.length === 1) return (weights[0]?.weight ?? 0) > 0 ? 0 : -1;
  let total = 0;
  for (const { weight } of weights) total += weight;
  let rest = chance * total;
  for (let i = 0; i < weights.length; i += 1) {
    rest -= weights[i]?.weight ?? 0;
    if (rest < 0) return i;
  }
  return -1;
}
