// The panels that are loaded together, by lazy.js.
export { AuditPanel } from './audit.js';
export { GrantsPanel } from './grants.js';
export { MemoryPanel } from './memory.js';
