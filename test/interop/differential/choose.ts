import type { Random } from '@orrery/environment'

/** One of `choices`, all equally likely. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)]
  if (choice === undefined) throw new Error('nothing to choose from')
  return choice
}

/** One of `choices`, each as likely as its weight says. */
export function weighted<T>(random: Random, choices: readonly (readonly [weight: number, choice: T])[]): T {
  let total = 0
  for (const [weight] of choices) total += weight
  let draw = random.below(total)
  for (const [weight, choice] of choices) {
    if (draw < weight) return choice
    draw -= weight
  }
  throw new Error('weights changed')
}

/** True in `percent` of 100 draws. */
export function chance(random: Random, percent: number): boolean {
  return random.below(100) < percent
}
