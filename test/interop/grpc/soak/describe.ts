import type { SoakReport } from './soak.ts'
import type { Sample } from './verdict.ts'

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)

const columns: readonly (readonly [string, (sample: Sample) => string | number])[] = [
  ['s', ({ atSeconds }) => atSeconds],
  ['connections', ({ connections }) => connections],
  ['calls', ({ calls }) => calls],
  ['connections so far', ({ connectionsTotal }) => connectionsTotal],
  ['calls so far', ({ callsTotal }) => callsTotal],
  ['resident MiB', ({ residentBytes }) => mebibytes(residentBytes)],
  ['heap MiB', ({ heapBytes }) => mebibytes(heapBytes)],
  ['descriptors', ({ descriptors }) => descriptors],
]

function table(samples: readonly Sample[], notes: readonly string[]): readonly string[] {
  const rows = [
    columns.map(([name]) => name),
    ...samples.map((sample) => columns.map(([, cell]) => String(cell(sample)))),
  ]
  return rows.map((row, n) => {
    const cells = row.map((cell, column) => cell.padStart(columns[column]?.[0].length ?? 0))
    return [...cells, n === 0 ? '' : (notes[n - 1] ?? '')].join('  ').trimEnd()
  })
}

/** The report for a person. */
export function describeSoak({ violations, samples, rests, counts, defended }: SoakReport): string {
  const all: (Sample & { readonly when?: string })[] = [...samples, ...rests]
  all.sort((a, b) => a.atSeconds - b.atSeconds)
  const notes = all.map(({ when }) => (when === undefined ? '' : `at rest ${when}`))
  const happened = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
  const defences = Object.entries(defended).filter(([, times]) => times > 0)
  return [
    ...table(all, notes),
    '',
    ...happened.map(([what, times]) => `${String(times).padStart(8)}  ${what}`),
    '',
    ...defences.map(([what, times]) => `${String(times).padStart(8)}  defended: ${what}`),
    '',
    ...(violations.length === 0 ? ['passed'] : violations.map((violation) => `VIOLATION  ${violation}`)),
  ].join('\n')
}
