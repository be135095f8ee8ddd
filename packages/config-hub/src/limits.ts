import { contentMaxDepth, yamlMaxTokens } from './contents/content-limits.js'

/** The bounds of what a hub takes in. Lengths of texts are in UTF-16 code units, as `length` gives them. */
export const configLimits = {
  /** Name of a namespace; at least 1. */
  namespaceMaxChars: 64,
  /** Name of a group; at least 1. */
  groupMaxChars: 128,
  /** Name of a file, slashes included; at least 1. */
  fileMaxChars: 256,
  /** What people call a release; at least 1. */
  releaseNameMaxChars: 256,
  templateNameMaxChars: 128,
  commentMaxChars: 1_024,
  businessMaxChars: 128,
  departmentMaxChars: 1_024,
  actorMaxChars: 128,
  reasonMaxChars: 1_024,
  metadataMaxEntries: 64,
  /** At least 1. */
  metadataKeyMaxChars: 128,
  /** Of metadata at least 0, of tags at least 1. */
  metadataValueMaxChars: 4_096,
  /** The most that `contentMaxBytes` may be: a release goes into one request of the store. Unit: bytes. */
  contentMaxBytes: 1_048_576,
  /** How many arrays and objects may stand in each other in a content of JSON, YAML, XML or TOML. */
  contentMaxDepth,
  /** What a content of YAML consists of: words, marks, spaces, line ends. */
  yamlMaxTokens,
  /** Label matchers of a gray rule. */
  matchersMaxItems: 32,
  /** Values of one matcher, or addresses of a rule. */
  matcherMaxValues: 1_000,
  patternMaxChars: 512,
  /** Steps of the program that a pattern of a matcher becomes: each of them may be looked at for each character of a value. */
  patternMaxSteps: 1_000,
  /** Values that are longer match no pattern. */
  patternValueMaxChars: 512,
  /** Labels of a client. */
  clientLabelsMaxEntries: 64,
  clientIdMaxChars: 256,
  /** An IPv6 address with a zone, or a network. */
  addressMaxChars: 64,
  /** Targets of one watch. */
  targetsMaxItems: 10_000,
  /** Files that a client says it has. */
  knownMaxItems: 100_000,
  md5MaxChars: 64,
  /** The longest that a poll waits. Unit: ms. */
  pollMaxMs: 600_000,
  /** What a poll waits where nothing is said. Unit: ms. */
  pollDefaultMs: 30_000,
  /** Files in an archive. */
  archiveMaxFiles: 10_000,
  /** All contents of an archive together, unpacked. Unit: bytes. */
  archiveMaxBytes: 67_108_864,
  /** Items in a page of a list; at least 1. */
  pageMaxItems: 10_000,
  /** Items in a page where no limit is given. */
  pageDefaultItems: 100,
} as const
