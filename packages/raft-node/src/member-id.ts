import { createHash } from 'node:crypto'

/**
 * The id of a member that a cluster begins with, the same wherever it is computed.
 *
 * Source: etcd, `membership.NewMember`: SHA-1 over its sorted peer addresses and the token of the cluster.
 *
 * @param salt makes members that are added later differ from earlier ones at the same address
 */
export function memberIdOf(addresses: readonly string[], token: string, salt = ''): bigint {
  const text = [...addresses].sort().join('') + token + salt
  return firstBytes(createHash('sha1').update(text, 'utf8').digest())
}

/** The id of a cluster that begins with these members. Source: etcd, `RaftCluster.genID`. */
export function clusterIdOf(memberIds: readonly bigint[]): bigint {
  const hash = createHash('sha1')
  for (const id of [...memberIds].sort((a, b) => (a < b ? -1 : 1))) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt.asUintN(64, id))
    hash.update(bytes)
  }
  return firstBytes(hash.digest())
}

/** 0 stands for "none" wherever ids are written. */
function firstBytes(digest: Buffer): bigint {
  const id = digest.readBigUInt64BE(0)
  return id === 0n ? 1n : id
}
