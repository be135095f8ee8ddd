/**
 * What every {@link Backend} has to do, as checks that any test runner can run:
 *
 * ```ts
 * test.each(backendConformance)('$name', ({ run }) => run(openBackend()))
 * ```
 *
 * @packageDocumentation
 */
export type { BackendCheck } from './backend-conformance.ts'
export { backendConformance } from './backend-conformance.ts'
