/** Lines in a row that became of lines: kept, or replaced. */
export interface LineRun {
  readonly kept: number
  readonly removed: number
  readonly added: number
}

/** Two contents in lines, with their ends, and what became of them. */
export interface LineChanges {
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** In order, all lines of both. */
  readonly runs: readonly LineRun[]
  readonly labels: { readonly from: string; readonly to: string }
}

/** Lines around each change. */
const contextLines = 3

/** @returns the unified format, as `diff -u` writes and `patch` reads it */
export function unify({ before, after, runs, labels }: LineChanges): string {
  const text = [`--- ${labels.from}\n`, `+++ ${labels.to}\n`]
  for (const hunk of hunksOf(changesOf(runs))) writeHunk(text, hunk, { before, after })
  return text.join('')
}

/** Lines of the one from `from` on, before `fromEnd`, became those of the other from `to` on, before `toEnd`. */
interface LineChange {
  readonly from: number
  readonly fromEnd: number
  readonly to: number
  readonly toEnd: number
}

function changesOf(runs: readonly LineRun[]): readonly LineChange[] {
  const changes: LineChange[] = []
  let [from, to] = [0, 0]
  for (const { kept, removed, added } of runs) {
    const [fromEnd, toEnd] = [from + kept + removed, to + kept + added]
    if (kept === 0 && (removed > 0 || added > 0)) {
      const last = changes.at(-1)
      // What is removed and what is added in the same place come one after the other.
      if (last?.fromEnd === from && last.toEnd === to)
        changes[changes.length - 1] = { ...last, fromEnd, toEnd }
      else changes.push({ from, fromEnd, to, toEnd })
    }
    from = fromEnd
    to = toEnd
  }
  return changes
}

/** Changes whose surroundings touch stand together. */
function hunksOf(changes: readonly LineChange[]): readonly (readonly LineChange[])[] {
  const hunks: LineChange[][] = []
  for (const change of changes) {
    const hunk = hunks.at(-1)
    const last = hunk?.at(-1)
    if (hunk !== undefined && last !== undefined && change.from - last.fromEnd <= 2 * contextLines)
      hunk.push(change)
    else hunks.push([change])
  }
  return hunks
}

function writeHunk(
  text: string[],
  changes: readonly LineChange[],
  { before, after }: Pick<LineChanges, 'before' | 'after'>,
): void {
  const [first, last] = [changes.at(0), changes.at(-1)]
  if (first === undefined || last === undefined) return
  const ahead = Math.min(contextLines, first.from)
  const behind = Math.min(contextLines, before.length - last.fromEnd)
  const write = (sign: ' ' | '-' | '+', lines: readonly string[]): void => {
    for (const line of lines) text.push(sign + line)
    // Only the last line of a content may have no end.
    if (lines.at(-1)?.endsWith('\n') === false) text.push('\n\\ No newline at end of file\n')
  }
  text.push(
    `@@ -${rangeOf(first.from - ahead, last.fromEnd + behind)}`,
    ` +${rangeOf(first.to - ahead, last.toEnd + behind)} @@\n`,
  )
  let kept = first.from - ahead
  for (const { from, fromEnd, to, toEnd } of changes) {
    write(' ', before.slice(kept, from))
    write('-', before.slice(from, fromEnd))
    write('+', after.slice(to, toEnd))
    kept = fromEnd
  }
  write(' ', before.slice(kept, last.fromEnd + behind))
}

/** Lines count from 1 on; of none, the line before them is given. */
function rangeOf(start: number, end: number): string {
  return `${end > start ? start + 1 : start},${end - start}`
}
