/** One line of the table. */
export interface Row {
  readonly what: string
  readonly ours: string
  /** What the project wants to reach. */
  readonly goal?: string
  /** The same of the peer in the same run. */
  readonly peer?: string
  /** Whether the goal was reached in this run. */
  readonly reached?: boolean
}

/** A part of the suite. It runs in a process of its own. */
export interface Scenario {
  readonly name: string
  /** Programs without which it cannot run at all. @defaultValue none */
  readonly needs?: readonly string[]
  run(): Promise<readonly Row[]>
}

/** The middle one of several measurements. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Runs `measure` several times and gives the middle result. */
export async function medianOf(runs: number, measure: () => number | Promise<number>): Promise<number> {
  const values: number[] = []
  for (let run = 0; run < runs; run++) values.push(await measure())
  return median(values)
}

/** Runs two measurements in turn, so that what else the machine does meets both alike. */
export async function alternate(
  runs: number,
  a: () => Promise<number>,
  b: () => Promise<number>,
): Promise<{ readonly a: number; readonly b: number; readonly ratio: number }> {
  const as: number[] = []
  const bs: number[] = []
  for (let run = 0; run < runs; run++) {
    as.push(await a())
    bs.push(await b())
  }
  const ratios = as.map((value, at) => value / (bs[at] ?? Number.NaN))
  return { a: median(as), b: median(bs), ratio: median(ratios) }
}

/** 12,345 */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** The table as Markdown. */
export function table(rows: readonly Row[]): string {
  const lines = ['| what | measured | goal | peer | reached |', '|---|---|---|---|---|']
  for (const { what, ours, goal = '', peer = '', reached } of rows) {
    const verdict = reached === undefined ? '' : reached ? 'yes' : '**no**'
    lines.push(`| ${what} | ${ours} | ${goal} | ${peer} | ${verdict} |`)
  }
  return lines.join('\n')
}
