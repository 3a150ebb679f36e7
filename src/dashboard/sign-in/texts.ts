import { texts } from '../frame/language.ts';

export const signInTexts = texts({
  title: { en: 'Sign in', pt: 'Entrar' },
  token: { en: 'Admin or read token', pt: 'Token de administrador ou de leitura' },
  hint: {
    en: 'The secret ADMIN_TOKEN of the receiver, or READ_TOKEN to look without changing anything.',
    pt: 'O segredo ADMIN_TOKEN do receptor, ou READ_TOKEN para ver sem alterar nada.',
  },
  wrong: { en: 'That is no valid token.', pt: 'Este token não é válido.' },
  tooMany: {
    en: 'Too many attempts from your address. Wait a minute.',
    pt: 'Tentativas demais a partir do seu endereço. Espere um minuto.',
  },
  continuing: { en: 'Continue', pt: 'Continuar' },
});
