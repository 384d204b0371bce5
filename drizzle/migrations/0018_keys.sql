CREATE TABLE `vision_api_keys` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`name` varchar(100) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`hash` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`prefix` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`scopes` varchar(40) character set ascii collate ascii_bin NOT NULL,
	`made_by_key_id` bigint unsigned,
	`created_at` datetime(3) NOT NULL,
	`expires_at` datetime(3),
	`last_used_at` datetime(3),
	CONSTRAINT `vision_api_keys_id` PRIMARY KEY(`id`),
	CONSTRAINT `hash` UNIQUE(`hash`)
);
--> statement-breakpoint
CREATE INDEX `owner` ON `vision_api_keys` (`user_id`,`id`);