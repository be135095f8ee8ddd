/**
 * The bounds of what a registry takes in. Lengths of texts are in UTF-16 code units, as `length` gives them, which is
 * no more than the characters that other registries count: what fits there may be too long here only where it has
 * characters beyond the basic plane.
 */
export const registryLimits = {
  /** Name of a namespace; at least 1. */
  namespaceMaxChars: 64,
  /** Name of a service; at least 1. */
  serviceMaxChars: 128,
  /** Id of an instance; at least 1. */
  idMaxChars: 256,
  /** At least 1. */
  hostMaxChars: 128,
  portMax: 65_535,
  protocolMaxChars: 32,
  versionMaxChars: 32,
  logicalSetMaxChars: 128,
  weightMax: 65_535,
  priorityMax: 65_535,
  /** Each of region, zone and campus. */
  locationPartMaxChars: 128,
  metadataMaxEntries: 64,
  /** At least 1. The names of extensions have the same bound. */
  metadataKeyMaxChars: 128,
  metadataValueMaxChars: 4_096,
  businessMaxChars: 128,
  departmentMaxChars: 1_024,
  commentMaxChars: 1_024,
  portsMaxChars: 8_192,
  exportToMaxNames: 64,
  /** How many arrays and objects may stand in each other in the extension of one protocol. */
  extensionsMaxDepth: 16,
  /** All extensions of an instance together, as JSON in UTF-8. Unit: bytes. */
  extensionsMaxBytes: 32_768,
  /** Shortest time to live besides 0, which is none. Unit: ms. */
  ttlMinMs: 1_000,
  /** Unit: ms. */
  ttlMaxMs: 86_400_000,
  /** The longest is the time to live. Unit: ms. */
  heartbeatIntervalMinMs: 100,
  /** Items in a page of a list; at least 1. */
  pageMaxItems: 10_000,
  /** Items in a page where no limit is given. */
  pageDefaultItems: 100,
  /** Instances that the deletion of a service removes with it. */
  deleteMaxInstances: 100_000,
} as const
