import { config } from 'zod';

// Zod tries to compile a schema with `Function` as soon as the schema is made, and the content security policy forbids
// that. The protocol's schemas are made on import: this module does its work on import too, and is imported before them.
config({ jitless: true });
