import { expect } from 'vitest'
import { checkContent } from '../../src/contents/check-content.ts'
import type { ContentFormat } from '../../src/model.ts'

/** A content that is not of its format: what it is, itself, and where one sees it. */
export type Refused = readonly [what: string, content: string, line: number, column: number]

/** A content that is of its format. */
export type Accepted = readonly [what: string, content: string]

/** Succeeds where the check passes. */
export function expectAccepted(format: ContentFormat, content: string): void {
  expect(() => checkContent(content, format)).not.toThrow()
}

/** Succeeds where the check fails, and says so of the right place. */
export function expectRefused(format: ContentFormat, content: string, place: object): void {
  expect(() => checkContent(content, format)).toThrow(
    expect.objectContaining({ code: 'CONFIG_CONTENT_INVALID', ...place }) as Error,
  )
}
