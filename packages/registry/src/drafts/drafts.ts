import type { Instance, JsonValue, Location, Namespace, Service } from '../model.ts'

/** A namespace before the store has given it a revision. */
export type NamespaceDraft = Omit<Namespace, 'revision' | 'createdRevision'>
/** A service before the store has given it a revision. */
export type ServiceDraft = Omit<Service, 'revision' | 'createdRevision'>
/** An instance before the store has given it a revision. */
export type InstanceDraft = Omit<Instance, 'revision' | 'createdRevision'>

/** Shared by all that have none. */
export const noMetadata: Readonly<Record<string, string>> = Object.freeze({})
/** Shared by all that have none. */
export const noExtensions: Readonly<Record<string, JsonValue>> = Object.freeze({})
/** Shared by all whose place is not known. */
export const nowhere: Location = Object.freeze({ region: '', zone: '', campus: '' })
