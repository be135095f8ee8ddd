/** The bounds of contents, for those who check them in a thread, too. They stand with all others in `configLimits`. */

/** How many arrays and objects may stand in each other. */
export const contentMaxDepth = 128

/** What a content of YAML consists of: words, marks, spaces, line ends. Each takes a microsecond or two to check. */
export const yamlMaxTokens = 500_000
