import { diffArrays } from 'diff'
import type { ContentDiff } from '../config-hub.ts'
import { type LineRun, unify } from './unified.ts'

/** What two contents are called at the head of what differs. */
export interface DiffLabels {
  readonly from: string
  readonly to: string
}

/**
 * Lines that are added and removed until no shorter way is looked for: time grows with their square. It is counted, not measured, so that
 * the same two contents differ in the same way everywhere.
 */
const editsMax = 1_000

/**
 * What differs between two contents, in lines. Where it is very much, all between the first and the last line that differ is replaced.
 *
 * @returns counts are of the lines as they stand in the unified text
 */
export function diffContents(from: string, to: string, labels: DiffLabels): ContentDiff {
  if (from === to) return { unified: '', added: 0, removed: 0 }
  const [before, after] = [linesOf(from), linesOf(to)]
  const runs = runsOf(before, after)
  return {
    unified: unify({ before, after, runs, labels }),
    added: total(runs, ({ added }) => added),
    removed: total(runs, ({ removed }) => removed),
  }
}

/** With the ends that they have: a last line without one is another line than the same with one. */
function linesOf(content: string): readonly string[] {
  if (content === '') return []
  const lines = content.split('\n').map((line) => `${line}\n`)
  const last = lines.pop()?.slice(0, -1) ?? ''
  return last === '' ? lines : [...lines, last]
}

/** In order, all lines of both. What begins and ends alike is not searched. */
function runsOf(before: readonly string[], after: readonly string[]): readonly LineRun[] {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before[head] === after[head]) head++
  let tail = 0
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  return [
    { kept: head, removed: 0, added: 0 },
    ...search(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    { kept: tail, removed: 0, added: 0 },
  ]
}

function search(before: readonly string[], after: readonly string[]): readonly LineRun[] {
  // By numbers: lines that begin alike for long would be compared again and again.
  const numbers = new Map<string, number>()
  const numbered = (lines: readonly string[]): number[] =>
    lines.map((line) => {
      const number = numbers.get(line) ?? numbers.size
      numbers.set(line, number)
      return number
    })
  const changes = diffArrays(numbered(before), numbered(after), { maxEditLength: editsMax })
  if (changes === undefined) return [{ kept: 0, removed: before.length, added: after.length }]
  return changes.map(({ count, added, removed }) => ({
    kept: added || removed ? 0 : count,
    removed: removed ? count : 0,
    added: added ? count : 0,
  }))
}

function total(runs: readonly LineRun[], count: (run: LineRun) => number): number {
  return runs.reduce((sum, run) => sum + count(run), 0)
}
