import type { Answer } from './endpoint.ts'

/** Counts what was asked, by what came of it: a test that never reaches a case proves nothing about it. */
export interface Coverage {
  count(labels: readonly string[], outcome: string): void
  /** How often `label` had an outcome that starts with `outcome`. */
  reached(label: string, outcome: string): number
  labels(): readonly string[]
  /** All counts as aligned lines, sorted by label. */
  table(): string
}

/** Creates an empty table. */
export function createCoverage(): Coverage {
  const counts = new Map<string, Map<string, number>>()
  return {
    count: (labels, outcome) => {
      for (const label of labels) {
        const outcomes = counts.get(label) ?? new Map<string, number>()
        counts.set(label, outcomes)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    },
    reached: (label, outcome) => {
      let total = 0
      for (const [name, count] of counts.get(label) ?? []) if (name.startsWith(outcome)) total += count
      return total
    },
    labels: () => [...counts.keys()].sort(),
    table: () => {
      const lines: string[] = []
      for (const label of [...counts.keys()].sort()) {
        const outcomes = [...(counts.get(label) ?? [])].sort(([, a], [, b]) => b - a)
        for (const [outcome, count] of outcomes) {
          lines.push(`${String(count).padStart(9)}  ${label.padEnd(48)} ${outcome}`)
        }
      }
      return lines.join('\n')
    },
  }
}

/** An answer's outcome: `ok` or the code and the message, without the numbers in it. */
export function outcomeOf(answer: Answer): string {
  if ('response' in answer) return 'ok'
  const message = answer.code === 13 ? '' : answer.message.replaceAll(/\d+/g, 'N')
  return `${answer.code} ${message}`.trim()
}
