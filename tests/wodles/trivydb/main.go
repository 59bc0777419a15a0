// Command trivydb writes a Trivy vulnerability database (a bbolt file) from nested JSON on standard input:
// an object is a bucket, except below the last bucket level, where {"=": value} is a key's JSON value.
package main

import (
	"encoding/json"
	"log"
	"os"

	bolt "go.etcd.io/bbolt"
)

type bucket interface {
	CreateBucketIfNotExists([]byte) (*bolt.Bucket, error)
}

func fill(parent bucket, name string, content map[string]json.RawMessage) error {
	if value, leaf := content["="]; leaf {
		return parent.(*bolt.Bucket).Put([]byte(name), value)
	}
	child, err := parent.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return err
	}
	for key, raw := range content {
		var inner map[string]json.RawMessage
		if err := json.Unmarshal(raw, &inner); err != nil {
			return err
		}
		if err := fill(child, key, inner); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	var buckets map[string]map[string]json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&buckets); err != nil {
		log.Fatal(err)
	}
	db, err := bolt.Open(os.Args[1], 0o600, nil)
	if err != nil {
		log.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for name, content := range buckets {
			if err := fill(tx, name, content); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}
}
