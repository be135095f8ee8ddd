import { crc32, deflateRawSync } from 'node:zlib'

/** An entry of an archive that is made by hand. What is not given is as an honest tool writes it. */
export interface Made {
  readonly name: string | Buffer
  readonly content?: string | Buffer
  /** The data as they stand in the archive. */
  readonly packed?: Buffer
  readonly method?: number
  readonly flags?: number
  readonly attributes?: number
  readonly madeBy?: number
  readonly crc?: number
  readonly packedSize?: number
  readonly size?: number
  readonly extra?: Buffer
  /** What stands in the local header instead. */
  readonly local?: {
    readonly name?: string
    readonly method?: number
    readonly size?: number
    readonly flags?: number
  }
  /** Where the directory says that it stands. */
  readonly offset?: number
  /** It stands nowhere but in the directory. */
  readonly absent?: boolean
}

/** What the end of an archive says. */
export interface End {
  readonly count?: number
  readonly directoryOffset?: number
  readonly disk?: number
  readonly comment?: Buffer
  /** Between the directory and its end. */
  readonly before?: Buffer
}

/** A zip archive as it says, be it nonsense. */
export function makeZip(entries: readonly Made[], end: End = {}): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const made of entries) {
    const { offset = at, absent = false } = made
    const entry = filled(made)
    directory.push(centralHeader(entry, offset))
    if (absent) continue
    const local = Buffer.concat([localHeader(entry, made), entry.packed])
    parts.push(local)
    at += local.length
  }
  const central = Buffer.concat(directory)
  const { count = entries.length, directoryOffset = at, disk = 0, comment = Buffer.alloc(0) } = end
  const tail = Buffer.alloc(22)
  tail.writeUInt32LE(0x06054b50, 0)
  tail.writeUInt16LE(disk, 4)
  tail.writeUInt16LE(count, 8)
  tail.writeUInt16LE(count, 10)
  tail.writeUInt32LE(central.length, 12)
  tail.writeUInt32LE(directoryOffset, 16)
  tail.writeUInt16LE(comment.length, 20)
  return Buffer.concat([...parts, central, end.before ?? Buffer.alloc(0), tail, comment])
}

function filled(made: Made) {
  const content = Buffer.from(made.content ?? '')
  const method = made.method ?? 8
  const packed = made.packed ?? (method === 8 ? deflateRawSync(content) : content)
  return {
    name: Buffer.from(made.name),
    method,
    packed,
    flags: made.flags ?? 0x800,
    attributes: made.attributes ?? 0,
    madeBy: made.madeBy ?? 20,
    crc: made.crc ?? crc32(content),
    packedSize: made.packedSize ?? packed.length,
    size: made.size ?? content.length,
    extra: made.extra ?? Buffer.alloc(0),
  }
}

type Filled = ReturnType<typeof filled>

function localHeader(entry: Filled, { local = {} }: Made): Buffer {
  const name = local.name === undefined ? entry.name : Buffer.from(local.name)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(local.flags ?? entry.flags, 6)
  header.writeUInt16LE(local.method ?? entry.method, 8)
  header.writeUInt32LE(entry.crc, 14)
  header.writeUInt32LE(entry.packedSize, 18)
  header.writeUInt32LE(local.size ?? entry.size, 22)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

function centralHeader(entry: Filled, offset: number): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE(entry.madeBy, 4)
  header.writeUInt16LE(20, 6)
  header.writeUInt16LE(entry.flags, 8)
  header.writeUInt16LE(entry.method, 10)
  header.writeUInt32LE(entry.crc, 16)
  header.writeUInt32LE(entry.packedSize, 20)
  header.writeUInt32LE(entry.size, 24)
  header.writeUInt16LE(entry.name.length, 28)
  header.writeUInt16LE(entry.extra.length, 30)
  header.writeUInt32LE(entry.attributes >>> 0, 38)
  header.writeUInt32LE(offset, 42)
  return Buffer.concat([header, entry.name, entry.extra])
}

/** An extra field. */
export function extraField(id: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(data.length, 2)
  return Buffer.concat([head, data])
}

/** A record and a locator of zip64, to stand before the end. */
export function zip64End({
  count,
  directoryOffset,
  at,
}: {
  count: bigint
  directoryOffset: bigint
  at: number
}): Buffer {
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeBigUInt64LE(count, 24)
  record.writeBigUInt64LE(count, 32)
  record.writeBigUInt64LE(directoryOffset, 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(at), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator])
}
