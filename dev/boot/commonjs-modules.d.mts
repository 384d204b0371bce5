/** The modules that are loaded by their CommonJS files. */
export const commonjsModules: readonly string[]
