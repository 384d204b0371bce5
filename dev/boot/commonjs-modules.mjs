/**
 * The modules that are loaded by their CommonJS files, in programs (quick-imports.mjs) and in tests (vitest.config.ts). The
 * package.json of drizzle-orm is of 180 kB, and Node.js 24 reads it anew for each of the package's two hundred ES modules: 2 s of
 * processor time in every process. A bundle has no need of this.
 *
 * @type {readonly string[]}
 */
export const commonjsModules = ['drizzle-orm', 'drizzle-orm/mysql2', 'drizzle-orm/mysql-core', 'drizzle-orm/migrator']
