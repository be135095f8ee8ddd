import { createCoverage } from './coverage.ts'
import type { Pair } from './pair.ts'
import { type RoundResult, runRound } from './round.ts'
import { simplerSteps } from './simplify.ts'
import type { Step } from './step.ts'

/** How long shrinking may take. Unit: ms. */
const shrinkMaxMs = 90_000

/**
 * Removes steps of a failed round as long as the servers still differ.
 *
 * Source: delta debugging, Zeller and Hildebrandt, 2002, without its complements of small parts.
 *
 * @param openPair gives two servers with equal state; called again after a replay that left them different
 * @returns the shortest round found, undefined when the failure does not come back
 */
export async function shrink(
  failed: RoundResult,
  openPair: () => Promise<Pair>,
): Promise<RoundResult | undefined> {
  let best: RoundResult | undefined
  let pair: Pair | undefined
  const deadline = performance.now() + shrinkMaxMs
  const fails = async (steps: readonly Step[]): Promise<boolean> => {
    pair ??= await openPair()
    const rest = [...steps]
    const result = await runRound({
      pair,
      coverage: createCoverage(),
      next: () => rest.shift(),
    })
    if (result.mismatch === undefined) return false
    pair = undefined
    if (result.mismatch.kind !== failed.mismatch?.kind) return false
    best = result
    return true
  }
  if (!(await fails(failed.steps.flatMap(oneByOne))) && !(await fails(failed.steps))) return undefined
  let steps: readonly Step[] = best?.steps ?? failed.steps
  const withoutReads = steps.filter((step, index) => step.type !== 'reads' || index === steps.length - 1)
  if (await fails(withoutReads)) steps = best?.steps ?? withoutReads
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < steps.length && performance.now() < deadline; ) {
      const without = [...steps.slice(0, from), ...steps.slice(from + size)]
      if (await fails(without)) steps = best?.steps ?? without
      else from += size
    }
  }
  for (let index = 0; index < steps.length; index++) {
    for (let simpler = true; simpler; ) {
      simpler = false
      for (const step of simplerSteps(steps[index] ?? { type: 'barrier' })) {
        if (performance.now() > deadline) return best
        const candidate = steps.with(index, step)
        if (!(await fails(candidate))) continue
        steps = candidate
        simpler = true
        break
      }
    }
  }
  return best
}

/** Reads that ran together, each as a step of its own. */
function oneByOne(step: Step): readonly Step[] {
  return step.type === 'reads' ? step.calls.map((call) => ({ type: 'reads', calls: [call] })) : [step]
}
