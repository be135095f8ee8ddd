/** A field of the static or of a dynamic table. Both strings hold one byte per character. */
export interface TableEntry {
  readonly name: string
  readonly value: string
  /** What the entry counts for in a table and in a header list: see {@link createTableEntry}. Unit: bytes. */
  readonly bytes: number
}

/** RFC 7541, section 4.1: what a field costs beyond its name and its value. Unit: bytes. */
export const fieldOverheadBytes = 32

/** Sizes a field as RFC 7541, section 4.1, does. */
export function createTableEntry(name: string, value: string): TableEntry {
  return { name, value, bytes: name.length + value.length + fieldOverheadBytes }
}
