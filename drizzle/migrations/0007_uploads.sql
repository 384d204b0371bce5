CREATE TABLE `vision_upload_quotas` (
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`day` date NOT NULL,
	`uploads` int unsigned NOT NULL DEFAULT 0,
	`bytes` bigint NOT NULL DEFAULT 0,
	CONSTRAINT `vision_upload_quotas_user_id` PRIMARY KEY(`user_id`)
);
