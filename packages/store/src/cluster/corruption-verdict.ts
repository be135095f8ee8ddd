/** The history of one member, up to the same revision and since the same compaction as the others'. */
export interface MemberHash {
  readonly memberId: bigint
  readonly hash: number
}

/** Stands in a verdict when some member is wrong, and nobody can tell which one. */
export const unknownMember = 0n

/**
 * Who has another history than the majority of all members, in order of id; {@link unknownMember} alone when they
 * differ and no majority agrees.
 *
 * Source: etcd 3.6, `corruptionChecker.checkPeerHashes`.
 *
 * @param hashes of the members that answered
 * @param memberCount of the cluster
 */
export function findDiffering(hashes: readonly MemberHash[], memberCount: number): readonly bigint[] {
  const members = new Map<number, number>()
  for (const { hash } of hashes) members.set(hash, (members.get(hash) ?? 0) + 1)
  if (members.size <= 1) return []
  const majority = [...members].find(([, count]) => count > memberCount / 2)
  if (majority === undefined) return [unknownMember]
  const differing = hashes.filter(({ hash }) => hash !== majority[0])
  return differing.map(({ memberId }) => memberId).sort((a, b) => (a < b ? -1 : 1))
}
