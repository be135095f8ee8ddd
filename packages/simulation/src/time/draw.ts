import type { Random } from '@orrery/environment'

/** True with a probability. Draws nothing when the answer is certain. */
export function chance(random: Random, ratio: number): boolean {
  return ratio > 0 && (ratio >= 1 || random.float() < ratio)
}

/** Exponentially distributed, at most 20 times the mean. */
export function exponential(random: Random, mean: number): number {
  return mean <= 0 ? 0 : Math.min(20, -Math.log(1 - random.float())) * mean
}

/** Uniform in [min, max). */
export function between(random: Random, min: number, max: number): number {
  return min + random.float() * (max - min)
}

/** One of several; undefined when there are none. */
export function pick<T>(random: Random, items: readonly T[]): T | undefined {
  return items.length === 0 ? undefined : items[random.below(items.length)]
}

/** A random order. */
export function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const rest = [...items]
  const shuffled: T[] = []
  while (rest.length > 0) shuffled.push(...rest.splice(random.below(rest.length), 1))
  return shuffled
}
