<?php
// Takes the variables of the well-known wordpress image: WORDPRESS_DB_HOST, _NAME, _USER, _PASSWORD, each also as <NAME>_FILE.
function qleet_value($name, $default = '') {
    $file = getenv($name . '_FILE');
    if ($file !== false && $file !== '') {
        return rtrim(file_get_contents($file), "\n");
    }
    $value = getenv($name);
    return $value === false ? $default : $value;
}
define('DB_NAME', qleet_value('WORDPRESS_DB_NAME', 'wordpress'));
define('DB_USER', qleet_value('WORDPRESS_DB_USER', 'wordpress'));
define('DB_PASSWORD', qleet_value('WORDPRESS_DB_PASSWORD'));
define('DB_HOST', qleet_value('WORDPRESS_DB_HOST', 'localhost'));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
// Keys of its own, from the database password: the same in every replica, unknown outside.
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $key) {
    define($key, hash_hmac('sha256', $key, DB_PASSWORD));
}
if (isset($_SERVER['HTTP_HOST'])) {
    define('WP_HOME', 'http://' . $_SERVER['HTTP_HOST']);
    define('WP_SITEURL', WP_HOME);
}
$table_prefix = 'wp_';
define('WP_DEBUG', false);
define('AUTOMATIC_UPDATER_DISABLED', true);
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
