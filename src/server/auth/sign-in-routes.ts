export const signInBasePath = '/api/auth';

/** All that better-auth answers here; its other routes stay closed. */
export const signInRoutes = [
  { method: 'GET', path: '/magic-link/verify' },
  { method: 'POST', path: '/sign-out' },
] as const;
