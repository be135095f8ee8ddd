/**
 * The laws that every `KeyPort` obeys, whoever keeps its keys: for whoever implements one.
 *
 * ```ts
 * test.each(keyPortConformance)('$name', async ({ run }) => {
 *   await run({ open: () => Promise.resolve(createLocalKeyPort({ keys, current })) })
 * })
 * ```
 *
 * @packageDocumentation
 */
import type { KeyPortConformanceCase } from './testing/key-port-case.ts'
import { keyPortLaws } from './testing/key-port-laws.ts'

export type { KeyPortConformanceCase, KeyPortFeature, KeyPortGround } from './testing/key-port-case.ts'

/** The laws of a key port: run all of them against an implementation, or those whose `needs` it meets. */
export const keyPortConformance: readonly KeyPortConformanceCase[] = keyPortLaws
