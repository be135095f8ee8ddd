// A snapshot is a stream of frames behind a magic text: one for each named value of the backend, one for
// each revision, and an end with the SHA-256 of everything before it. It does not depend on the backend that
// wrote it. A frame is a type byte, the length of its payload (uint32, little endian) and the payload.

/** Name and version of the format. */
export const magic = Buffer.from('orrery snapshot 1\n')

export const frameTypes = { meta: 1, revision: 2, end: 3 } as const

/** Type and length. */
export const frameHeaderBytes = 5
/** main (double), sub (uint32), tombstone (byte), before the record. */
export const revisionHeaderBytes = 13
/** SHA-256. */
export const digestBytes = 32
/** A frame above this is damage, not data. Unit: bytes. */
export const frameMaxBytes = 2 ** 30
/** An etcd server sends a snapshot in whole sectors; the last one ends with zeros. */
export const sectorBytes = 512
