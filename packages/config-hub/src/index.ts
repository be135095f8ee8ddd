/**
 * A configuration centre: files, their releases for everybody or for some, and whoever wants to know of them at once.
 *
 * ```text
 * save, publish, gray.publish -> batches -> one txn of the store each, with its entry in the audit trail
 * store.watch -> a view in memory -> read, watch, poll
 * ```
 *
 * {@link createConfigHub} needs a store and nothing else. Every member of a cluster may have one, and each is told of everything.
 *
 * @packageDocumentation
 */
export type { CallOptions, Page, PageRequest, Slice, SliceRequest, WriteOptions } from './calls.ts'
export type {
  Archives,
  AuditQuery,
  AuditTrail,
  ConfigHub,
  ConfigHubDeps,
  ConfigHubState,
  ConfigHubStats,
  ContentCondition,
  ContentDiff,
  DataKeys,
  DiffSides,
  FileQuery,
  Files,
  GrayReleases,
  Groups,
  ImportedFile,
  ImportOptions,
  ImportResult,
  PublishSpec,
  ReadQuery,
  Releases,
  SealedRelease,
  Templates,
  TemplateSpec,
} from './config-hub.ts'
export { createConfigHub } from './create-config-hub.ts'
export { readKeyFile } from './encryption/key-file.ts'
export { createLocalKeyPort, localKeyLimits } from './encryption/local-key-port.ts'
export type { LocalKeys } from './encryption/local-key-port.ts'
export { ConfigError, configErrorCodes, ContentError } from './errors.ts'
export type { ConfigErrorCode } from './errors.ts'
export { configLimits } from './limits.ts'
export { createLocalCache, localCacheDefaults } from './local-cache/local-cache.ts'
export type { IgnoredCacheFile, LocalCache, LocalCacheOptions } from './local-cache/local-cache.ts'
export type { CachedRelease } from './local-cache/cache-file.ts'
export { followWithCache } from './local-cache/follow-with-cache.ts'
export type { FollowedBatch, FollowWithCacheOptions } from './local-cache/follow-with-cache.ts'
export { auditActions, contentFormats } from './model.ts'
export type {
  AuditAction,
  AuditEntry,
  ConfigClient,
  ConfigFile,
  ContentFormat,
  Draft,
  FileKey,
  FileSpec,
  GrayReleaseInfo,
  GrayRule,
  Group,
  GroupKey,
  GroupSpec,
  LabelMatcher,
  Metadata,
  Release,
  ReleaseInfo,
  ReleaseOrigin,
  Template,
} from './model.ts'
export { configHubDefaults } from './options.ts'
export type { ConfigHubOptions, ResolvedConfigHubOptions } from './options.ts'
export type { KeyPort, WrappedKey } from './ports.ts'
export type {
  ChangeBatch,
  ConfigChange,
  ConfigWatch,
  Fingerprint,
  PendingPoll,
  PolledChange,
  PollListener,
  PollOptions,
  PollResult,
  RunningWatch,
  WatchListener,
  WatchQuery,
  WatchTarget,
} from './watches.ts'
