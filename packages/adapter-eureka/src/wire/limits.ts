/**
 * What a body may hold at most. Beyond: `EUREKA_BODY_TOO_LARGE`.
 *
 * They keep an instance at 64 KiB, however it came, and keep a document from costing much before it is refused.
 */
export const wireLimits = {
  /** A whole XML document. Twice an instance, since references make text longer. Unit: UTF-16 code units. */
  xmlMaxLength: 131_072,
  /** Elements within elements; an instance has three levels. Unit: levels. */
  xmlMaxDepth: 8,
  /** Elements of an XML document, those that are ignored among them. Unit: elements. */
  xmlMaxElements: 512,
  /** Ids, host names, addresses, names of applications, groups and data centers. Unit: bytes of UTF-8. */
  nameMaxBytes: 256,
  /** URLs and vip addresses. Unit: bytes of UTF-8. */
  textMaxBytes: 2_048,
  /** Of an instance, and of its data center. Unit: entries. */
  metadataMaxEntries: 64,
  /** Unit: bytes of UTF-8. */
  metadataKeyMaxBytes: 256,
  /** Unit: bytes of UTF-8. */
  metadataValueMaxBytes: 8_192,
  /** All texts of an instance together. Unit: bytes of UTF-8. */
  instanceMaxBytes: 65_536,
  /** Items of a batch between peers: what Netflix's server sends at most. Unit: items. */
  replicationMaxItems: 250,
} as const
