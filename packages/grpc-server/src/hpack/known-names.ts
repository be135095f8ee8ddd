import { staticTable } from './static-table.ts'

/** What the encoder knows of a name before it has sent anything. */
export interface KnownName {
  /** The first entry of the static table with that name; 0: there is none. */
  readonly index: number
  /** The entries of the static table with that name, by value. */
  readonly indexByValue: ReadonlyMap<string, number>
  readonly indexing: NameIndexing
}

/**
 * Which fields of a name enter the dynamic table: `all` of them, those with a `usual` value, those that were
 * `repeated`, or none, `never`, also not in that of anybody who passes them on (RFC 7541, section 7.1.3).
 */
export type NameIndexing = 'all' | 'usual' | 'repeated' | 'never'

/** The only value of a name with `usual` indexing that enters the table: that of `grpc-message`. */
export const usualValue = 'OK'

const indexingByName: ReadonlyMap<string, NameIndexing> = new Map([
  ['authorization', 'never'],
  ['cookie', 'never'],
  ['set-cookie', 'never'],
  // What every response of a gRPC server has.
  ['content-type', 'all'],
  ['grpc-encoding', 'all'],
  ['grpc-accept-encoding', 'all'],
  ['grpc-status', 'all'],
  ['grpc-message', 'usual'],
])

/** The names of the static table and those of gRPC. */
export const knownNames: ReadonlyMap<string, KnownName> = collectNames()

function collectNames(): Map<string, KnownName> {
  const names = new Map<string, KnownName>()
  const indexingOf = (name: string): NameIndexing => indexingByName.get(name) ?? 'repeated'
  for (const { name } of staticTable) {
    const entries = staticTable.flatMap((entry, at) =>
      entry.name === name ? [[entry.value, at + 1] as const] : [],
    )
    const [first] = entries
    names.set(name, { index: first?.[1] ?? 0, indexByValue: new Map(entries), indexing: indexingOf(name) })
  }
  for (const [name, indexing] of indexingByName)
    if (!names.has(name)) names.set(name, { index: 0, indexByValue: new Map(), indexing })
  return names
}
